import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { ErrorBoundary } from '../components/problem.tsx';
import { Splitter } from '../components/splitter.tsx';
import { EngineProvider } from '../engine/engine-context.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { DevicesDialog } from '../features/devices/devices-dialog.tsx';
import { ExperimentDialog } from '../features/experiment/experiment-dialog.tsx';
import { FinetuneDialog } from '../features/finetune/finetune-dialog.tsx';
import { FolderDialog } from '../features/folders/folder-dialog.tsx';
import { Inspector } from '../features/inspector/inspector.tsx';
import { JobsBar } from '../features/jobs/jobs-bar.tsx';
import { MethodsDialog } from '../features/methods/methods-dialog.tsx';
import { ModelsPanel } from '../features/models/models-panel.tsx';
import { OutcomesDialog } from '../features/outcomes/outcomes-dialog.tsx';
import { ReproductionDialog } from '../features/reproduction/reproduction-dialog.tsx';
import { RoutingView } from '../features/routing/routing-view.tsx';
import { RunsPanel } from '../features/runs/runs-panel.tsx';
import { SampleDialog } from '../features/tasks/sample-dialog.tsx';
import { TasksPanel } from '../features/tasks/tasks-panel.tsx';
import { inspectorLimits, layoutStore, sidebarLimits } from '../state/layout-store.ts';
import type { View } from '../state/layout-store.ts';
import { ConnectionBanner, Notices, SampleBanner } from './banners.tsx';
import { CommandPalette } from './command-palette.tsx';
import { TopBar } from './top-bar.tsx';
import { useAppEffects } from './use-app-effects.ts';

/** The first view comes with the page, the others (and the charts that they need) when they are first opened. */
const viewComponents: Readonly<Record<View, React.ComponentType>> = {
  routing: RoutingView,
  prune: lazy(async () => ({ default: (await import('../features/prune/prune-view.tsx')).PruneView })),
  curves: lazy(async () => ({ default: (await import('../features/curves/curves-view.tsx')).CurvesView })),
  thresholds: lazy(async () => ({
    default: (await import('../features/thresholds/thresholds-view.tsx')).ThresholdsView,
  })),
  compare: lazy(async () => ({ default: (await import('../features/compare/compare-view.tsx')).CompareView })),
  export: lazy(async () => ({ default: (await import('../features/export/export-view.tsx')).ExportView })),
};

export const App = ({ engine }: { readonly engine: Engine }) => (
  <EngineProvider engine={engine}>
    <Workbench />
  </EngineProvider>
);

const Workbench = () => {
  useAppEffects();
  const layout = useStore(layoutStore);
  const CurrentView = viewComponents[layout.view];
  return (
    <div className="workbench">
      <TopBar />
      <ConnectionBanner />
      <SampleBanner />
      <div className="workbench-middle">
        {layout.sidebarOpen && (
          <>
            <nav className="side-panel" aria-label="Models, tasks and runs" style={{ width: layout.sidebarWidth }}>
              <ErrorBoundary>
                <Sidebar />
              </ErrorBoundary>
            </nav>
            <Splitter
              label="Width of the sidebar"
              panel="left"
              width={layout.sidebarWidth}
              minimum={sidebarLimits.minimum}
              maximum={sidebarLimits.maximum}
              onResize={layout.resizeSidebar}
            />
          </>
        )}
        <main className="view" id="view" role="tabpanel" aria-labelledby={`tab-${layout.view}`}>
          <ErrorBoundary key={layout.view}>
            <Suspense fallback={null}>
              <CurrentView />
            </Suspense>
          </ErrorBoundary>
        </main>
        {layout.inspectorOpen && (
          <>
            <Splitter
              label="Width of the inspector"
              panel="right"
              width={layout.inspectorWidth}
              minimum={inspectorLimits.minimum}
              maximum={inspectorLimits.maximum}
              onResize={layout.resizeInspector}
            />
            <aside className="side-panel inspector" aria-label="Inspector" style={{ width: layout.inspectorWidth }}>
              <ErrorBoundary>
                <Inspector />
              </ErrorBoundary>
            </aside>
          </>
        )}
      </div>
      <JobsBar />
      <Notices />
      <CommandPalette />
      <ExperimentDialog />
      <FinetuneDialog />
      <FolderDialog />
      <SampleDialog />
      <ReproductionDialog />
      <OutcomesDialog />
      <DevicesDialog />
      <MethodsDialog />
    </div>
  );
};

const Sidebar = () => (
  <>
    <ModelsPanel />
    <TasksPanel />
    <RunsPanel />
  </>
);
