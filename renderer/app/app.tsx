import { Suspense, useLayoutEffect } from 'react';
import { useStore } from 'zustand';
import { ContextMenu } from '../components/context-menu.tsx';
import { ErrorBoundary } from '../components/problem.tsx';
import { ShareSplitter, Splitter } from '../components/splitter.tsx';
import { EngineProvider } from '../engine/engine-context.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { ClusterDialog } from '../features/jobs/cluster-dialog.tsx';
import { DevicesDialog } from '../features/devices/devices-dialog.tsx';
import { DocsDialog } from '../features/docs/docs-dialog.tsx';
import { DropZone } from '../features/drop/drop-zone.tsx';
import { ExperimentDialog } from '../features/experiment/experiment-dialog.tsx';
import { ExportDrawer } from '../features/export/export-drawer.tsx';
import { FinetuneDialog } from '../features/finetune/finetune-dialog.tsx';
import { FolderDialog } from '../features/folders/folder-dialog.tsx';
import { JobsBar } from '../features/jobs/jobs-bar.tsx';
import { MethodsDialog } from '../features/methods/methods-dialog.tsx';
import { ModelsPanel } from '../features/models/models-panel.tsx';
import { OutcomesDialog } from '../features/outcomes/outcomes-dialog.tsx';
import { ReproductionDialog } from '../features/reproduction/reproduction-dialog.tsx';
import { RunDialog } from '../features/runs/run-dialog.tsx';
import { StrangeRunDialog } from '../features/runs/strange-run-dialog.tsx';
import { RunsPanel } from '../features/runs/runs-panel.tsx';
import { TrashDialog } from '../features/runs/trash-dialog.tsx';
import { SettingsDialog } from '../features/settings/settings-dialog.tsx';
import { CalibrationDialog } from '../features/tasks/calibration-dialog.tsx';
import { SampleDialog } from '../features/tasks/sample-dialog.tsx';
import { SweepsDialog } from '../features/sweeps/sweeps-dialog.tsx';
import { TasksPanel } from '../features/tasks/tasks-panel.tsx';
import { inspectorLimits, layoutStore, type ListShares, sidebarLimits } from '../state/layout-store.ts';
import { ConnectionBanner, EditedBanner, Notices, SampleBanner } from './banners.tsx';
import { CommandPalette } from './command-palette.tsx';
import { PlanHeader } from './plan-header.tsx';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { SidePanel } from './side-panel.tsx';
import { TopBar } from './top-bar.tsx';
import { useAppEffects } from './use-app-effects.ts';
import { views } from './views.tsx';

export const App = ({ engine }: { readonly engine: Engine }) => (
  <EngineProvider engine={engine}>
    <Workbench />
  </EngineProvider>
);

const Workbench = () => {
  useAppEffects();
  const layout = useStore(layoutStore);
  const { component: CurrentView, isWide = false } = views.find(({ name }) => name === layout.view) ?? views[0];
  const { widen } = layout;
  useLayoutEffect(() => widen(isWide), [widen, isWide]);
  return (
    <div className="workbench">
      <SkipLink />
      <header>
        <TopBar />
        <PlanHeader />
        <ConnectionBanner />
        <SampleBanner />
        <EditedBanner />
      </header>
      <div className="workbench-middle">
        {layout.sidebarOpen && !isWide && (
          <nav
            className="side-frame"
            aria-label="Models, tasks and runs"
            onKeyDown={layout.overlaid.sidebar ? closeBy(layout.toggleSidebar) : undefined}
          >
            <div className="side-panel" style={{ width: layout.sidebarWidth }}>
              <ErrorBoundary>
                <Sidebar />
              </ErrorBoundary>
            </div>
            <Splitter
              label="Width of the sidebar"
              panel="left"
              width={layout.sidebarWidth}
              minimum={sidebarLimits.minimum}
              maximum={sidebarLimits.maximum}
              onResize={layout.resizeSidebar}
            />
          </nav>
        )}
        <main className="view" id="view" tabIndex={-1}>
          <div role="tabpanel" id="view-panel" aria-labelledby={`tab-${layout.view}`}>
            <ErrorBoundary key={layout.view}>
              <Suspense fallback={null}>
                <CurrentView />
              </Suspense>
            </ErrorBoundary>
          </div>
          <ContextMenu />
        </main>
        {layout.inspectorOpen && (
          <aside
            className="side-frame"
            aria-label="Inspector"
            onKeyDown={layout.overlaid.inspector ? closeBy(layout.toggleInspector) : undefined}
          >
            <Splitter
              label="Width of the inspector"
              panel="right"
              width={layout.inspectorWidth}
              minimum={inspectorLimits.minimum}
              maximum={inspectorLimits.maximum}
              onResize={layout.resizeInspector}
            />
            <div className="side-panel inspector" style={{ width: layout.inspectorWidth }}>
              <ErrorBoundary>
                <SidePanel />
              </ErrorBoundary>
            </div>
          </aside>
        )}
      </div>
      <JobsBar />
      <Notices />
      <CommandPalette />
      <ShortcutsDialog />
      <ExperimentDialog />
      <ExportDrawer />
      <FinetuneDialog />
      <CalibrationDialog />
      <FolderDialog />
      <SampleDialog />
      <ReproductionDialog />
      <RunDialog />
      <StrangeRunDialog />
      <TrashDialog />
      <SweepsDialog />
      <OutcomesDialog />
      <ClusterDialog />
      <DevicesDialog />
      <SettingsDialog />
      <MethodsDialog />
      <DocsDialog />
      <DropZone />
    </div>
  );
};

/** Escape closes a panel that covers the view and returns the focus to the view. */
const closeBy =
  (close: () => void) =>
  (event: React.KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    close();
    document.getElementById('view')?.focus();
  };

/** Lets keyboard users skip the header and the lists. */
const SkipLink = () => (
  <button type="button" className="skip-link" onClick={() => document.getElementById('view')?.focus()}>
    Skip to the view
  </button>
);

const Sidebar = () => {
  const { listShares, shareLists } = useStore(layoutStore);
  const edge = (upper: keyof ListShares, lower: keyof ListShares) => (
    <ShareSplitter
      label={`Height of the ${upper} above the ${lower}`}
      share={listShares[upper] / (listShares[upper] + listShares[lower])}
      onShare={(share) => shareLists(upper, lower, share)}
    />
  );
  return (
    <>
      <ModelsPanel />
      {edge('models', 'tasks')}
      <TasksPanel />
      {edge('tasks', 'runs')}
      <RunsPanel />
    </>
  );
};
