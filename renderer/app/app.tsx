import { Suspense, useEffect, useLayoutEffect, lazy, memo } from 'react';
import { useStore } from 'zustand';
import { ContextMenu } from '../components/context-menu.tsx';
import { Kept } from '../components/kept.tsx';
import { ErrorBoundary } from '../components/problem.tsx';
import { ShareSplitter, Splitter } from '../components/splitter.tsx';
import { EngineProvider, type Engine, useRequest } from '../engine/engine-context.tsx';
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
import { OpenTaskDialog } from '../features/tasks/open-task-dialog.tsx';
import { OpenModelDialog } from '../features/models/open-model-dialog.tsx';
import { ModelsPanel } from '../features/models/models-panel.tsx';
import { OutcomesDialog } from '../features/outcomes/outcomes-dialog.tsx';
import { ConnectDialog } from '../features/remote/connect-dialog.tsx';
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
import { useAppEffects } from './use-app-effects.ts';
import { views } from './views.tsx';
import { isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { ExpertPart, ModelPart, PointPart } from '../features/inspector/inspector.tsx';
import { neighbour, selectionStore } from '../state/selection-store.ts';
import { subjects, type Subject } from '../state/selection.ts';
import { usePart } from '../state/view-stores.ts';
import { setTheme } from '../actions/view.ts';
import { isMac, showShortcut } from '../actions/shortcut.ts';
import { Icon, IconButton } from '../components/button.tsx';

export const App = ({ engine }: { readonly engine: Engine }) => (
  <EngineProvider engine={engine}>
    <Workbench />
  </EngineProvider>
);

/** Without state of its own: what changes is drawn by those who read it. */
const Workbench = () => (
  <div className="workbench">
    <AppEffects />
    <SkipLink />
    <header>
      <TopBar />
      <PlanHeader />
      <ConnectionBanner />
      <SampleBanner />
      <EditedBanner />
    </header>
    <div className="workbench-middle">
      <SidebarFrame />
      <main className="view" id="view" tabIndex={-1}>
        <ViewPanel />
        <ContextMenu />
      </main>
      <InspectorFrame />
    </div>
    <JobsBar />
    <Notices />
    <CommandPalette />
    <ShortcutsDialog />
    <ExperimentDialog />
    <ExportDrawer />
    <FinetuneDialog />
    <CalibrationDialog />
    <OpenModelDialog />
    <OpenTaskDialog />
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
    <ConnectDialog />
  </div>
);

const AppEffects = () => {
  useAppEffects();
  return null;
};

const viewNamed = (name: string) => views.find((view) => view.name === name) ?? views[0];

/** The view on screen. Those seen before are kept, so that going back to one does not draw it anew. */
const ViewPanel = () => {
  const { name } = viewNamed(useStore(layoutStore, ({ view }) => view));
  return (
    <div role="tabpanel" id="view-panel" aria-labelledby={`tab-${name}`}>
      {views.map((view) => (
        <Kept key={view.name} isShown={view.name === name}>
          <ViewFrame name={view.name} />
        </Kept>
      ))}
    </div>
  );
};

const ViewFrame = memo(({ name }: { readonly name: string }) => {
  const { component: View } = viewNamed(name);
  return (
    <ErrorBoundary>
      <Suspense fallback={null}>
        <View />
      </Suspense>
    </ErrorBoundary>
  );
});
ViewFrame.displayName = 'ViewFrame';

const SidebarFrame = () => {
  const layout = useStore(layoutStore);
  const { isWide = false } = viewNamed(layout.view);
  return (
    <Kept isShown={layout.sidebarOpen && !isWide}>
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
          limits={sidebarLimits}
          onResize={layout.resizeSidebar}
        />
      </nav>
    </Kept>
  );
};

const InspectorFrame = () => {
  const layout = useStore(layoutStore);
  const { isWide = false, isApart = isWide } = viewNamed(layout.view);
  const { widen } = layout;
  useLayoutEffect(() => widen(isApart), [widen, isApart]);
  return (
    <Kept isShown={layout.inspectorOpen}>
      <aside
        className="side-frame"
        aria-label="Inspector"
        onKeyDown={layout.overlaid.inspector ? closeBy(layout.toggleInspector) : undefined}
      >
        <Splitter
          label="Width of the inspector"
          panel="right"
          width={layout.inspectorWidth}
          limits={inspectorLimits}
          onResize={layout.resizeInspector}
        />
        <div className="side-panel inspector" style={{ width: layout.inspectorWidth }}>
          <ErrorBoundary>
            <SidePanel />
          </ErrorBoundary>
        </div>
      </aside>
    </Kept>
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

const Sidebar = memo(() => {
  const { listShares, shareLists } = usePart(layoutStore, (state) => ({
    listShares: state.listShares,
    shareLists: state.shareLists,
  }));
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
});
Sidebar.displayName = 'Sidebar';

interface TabsProps<N extends string> {
  readonly className: string;
  readonly label: string;
  /** Before the name of a tab in its id. */
  readonly id: string;
  /** Id of the panel that the tabs control. */
  readonly panel: string;
  readonly tabs: readonly { readonly name: N; readonly title: string }[];
  readonly chosen: N;
  readonly onChoose: (name: N) => void;
}

/** Tabs; the left and right arrow keys choose the neighbour. */
const Tabs = <N extends string>({ className, label, id, panel, tabs, chosen, onChoose }: TabsProps<N>) => {
  const names = tabs.map(({ name }) => name);
  // Narrow windows scroll the tabs; scrolled to by itself, so that nothing else moves. In the next frame: to measure
  // earlier would lay out the page once more.
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const tab = document.getElementById(`${id}-${chosen}`);
      const list = tab?.parentElement;
      if (tab == null || list == null || list.scrollWidth <= list.clientWidth) return;
      list.scrollLeft = tab.offsetLeft - list.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2;
    });
    return () => cancelAnimationFrame(frame);
  }, [id, chosen]);
  const step = (from: N, { key }: React.KeyboardEvent): void => {
    if (key !== 'ArrowRight' && key !== 'ArrowLeft') return;
    const next = neighbour(names, from, key === 'ArrowRight' ? 1 : -1);
    if (next === null) return;
    onChoose(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <div className={className} role="tablist" aria-label={label}>
      {tabs.map(({ name, title }) => (
        <button
          key={name}
          id={`${id}-${name}`}
          type="button"
          role="tab"
          aria-selected={name === chosen}
          aria-controls={panel}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
          onKeyDown={(event) => step(name, event)}
        >
          {title}
        </button>
      ))}
    </div>
  );
};

const PlanForm = lazy(async () => ({
  default: (await import('../features/plan/plan-form.tsx')).PlanForm,
}));
const PlanOutcome = lazy(async () => ({ default: (await import('../features/plan/plan-outcome.tsx')).PlanOutcome }));

const titles: Readonly<Record<Subject, string>> = { plan: 'Plan', expert: 'Expert', point: 'Point', model: 'Model' };

/** The panel on the right: plan settings and outcome, or the numbers of the last selected expert, point or model. */
const SidePanel = memo(() => {
  const subject = useStore(selectionStore, (state) => state.subject);
  const { explain } = selectionStore.getState();
  return (
    <>
      <Tabs
        className="side-tabs"
        label="Subject of the panel"
        id="side-tab"
        panel="side-content"
        tabs={subjects.map((name) => ({ name, title: titles[name] }))}
        chosen={subject}
        onChoose={explain}
      />
      <div className="side-content" id="side-content" role="tabpanel" aria-labelledby={`side-tab-${subject}`}>
        {subject === 'plan' && <PlanPart />}
        {subject === 'expert' && <ExpertPart />}
        {subject === 'point' && <PointPart />}
        {subject === 'model' && <ModelPart />}
      </div>
    </>
  );
});
SidePanel.displayName = 'SidePanel';

const PlanPart = () => {
  const model = selectedModel(useFacts());
  if (!isUsable(model)) return <p className="muted">Select a model to plan for.</p>;
  return (
    <Suspense fallback={null}>
      <PlanForm model={model} />
      <PlanOutcome />
    </Suspense>
  );
};

const TopBar = () => {
  const { view, show, theme, sidebarOpen, inspectorOpen, toggleSidebar, toggleInspector } = useStore(layoutStore);
  const { start } = useRequest();
  const isWide = views.find(({ name }) => name === view)?.isWide === true;
  const next = theme === 'system' ? 'light' : theme === 'light' ? 'dark' : 'system';
  return (
    <div className="top-bar">
      <div className="top-bar-side">
        <IconButton
          icon="sidebar"
          label="Show or hide the sidebar"
          aria-pressed={sidebarOpen && !isWide}
          disabled={isWide}
          onClick={toggleSidebar}
        />
        <h1 className="ellipsis">Uncurl Workbench</h1>
      </div>
      <Tabs className="tabs" label="Views" id="tab" panel="view-panel" tabs={views} chosen={view} onChoose={show} />
      <div className="top-bar-side top-bar-end">
        <button type="button" className="palette-button" onClick={() => layoutStore.setState({ paletteOpen: true })}>
          <Icon name="search" />
          <span>Commands</span>
          <kbd>{showShortcut('Mod+K', isMac)}</kbd>
        </button>
        <IconButton
          icon="sun"
          label={`Theme: ${theme}. Change to ${next}`}
          onClick={() => start((engine) => setTheme(engine, next))}
        />
        <IconButton
          icon="inspector"
          label="Show or hide the inspector"
          aria-pressed={inspectorOpen}
          onClick={toggleInspector}
        />
      </div>
    </div>
  );
};
