import { ModelsPanel } from '../features/models/models-panel.tsx';
import { RunsPanel } from '../features/runs/runs-panel.tsx';
import { TasksPanel } from '../features/tasks/tasks-panel.tsx';

export const Sidebar = () => (
  <>
    <ModelsPanel />
    <TasksPanel />
    <RunsPanel />
  </>
);
