import { lazy } from 'react';
import type { Action } from '../actions/action.ts';
import { actionsWith } from '../actions/index.ts';
import { layoutStore } from '../state/layout-store.ts';
import { WorkbenchView } from './workbench-view.tsx';

interface View {
  /** In the page's address. */
  readonly name: string;
  readonly title: string;
  /** Words that find it in the palette. */
  readonly keywords: readonly string[];
  readonly component: React.ComponentType;
  /** Uses the room of the lists on the left, which it repeats. */
  readonly isWide?: boolean;
  /** Its panel on the right is closed at first: the view does not go by the plan on screen. */
  readonly isApart?: boolean;
}

const later = (load: () => Promise<React.ComponentType>): React.ComponentType =>
  lazy(async () => ({ default: await load() }));

/**
 * The views, in the order of their tabs. The first is part of the page; the others (and their chart code) load when
 * first opened. Tabs, palette, menu, shortcuts (Mod+1 and on) and addresses follow from this list.
 */
export const views: readonly [View, ...View[]] = [
  {
    name: 'workbench',
    title: 'Workbench',
    keywords: ['heatmap', 'experts', 'router', 'plan', 'curves', 'accuracy'],
    component: WorkbenchView,
  },
  {
    name: 'thresholds',
    title: 'Thresholds',
    keywords: ['experts', 'sizes', 'finding', 'scratch'],
    component: later(async () => (await import('../features/thresholds/thresholds-view.tsx')).ThresholdsView),
  },
  {
    name: 'compare',
    title: 'Compare',
    keywords: ['methods', 'rank', 'best', 'against', 'recovery'],
    component: later(async () => (await import('../features/compare/compare-view.tsx')).CompareView),
  },
  {
    name: 'runs',
    title: 'Runs',
    keywords: ['list', 'table', 'sort', 'filter', 'group', 'columns', 'several', 'settings'],
    component: later(async () => (await import('../features/run-table/runs-view.tsx')).RunsView),
    isWide: true,
  },
  {
    name: 'beside',
    title: 'Side by side',
    keywords: ['prompt', 'generate', 'write', 'text', 'tokens', 'difference', 'chat', 'probability'],
    component: later(async () => (await import('../features/beside/beside-view.tsx')).BesideView),
  },
  {
    name: 'models',
    title: 'Map of models',
    keywords: ['tree', 'family', 'refit', 'quantised', 'bytes', 'slices', 'lost', 'two'],
    component: later(async () => (await import('../features/model-map/model-map-view.tsx')).ModelMapView),
  },
  {
    name: 'fit',
    title: 'Fit',
    keywords: ['best', 'memory', 'card', 'bytes', 'quantise', 'recommend', 'budget'],
    isApart: true,
    component: later(async () => (await import('../features/fit/fit-view.tsx')).FitView),
  },
];

/** Every action of the window. */
export const actions = actionsWith(
  views.map(({ name, title, keywords }, index): Action => ({
    id: `show-${name}`,
    label: `Show ${title}`,
    keywords: ['go to', 'tab', ...keywords],
    menu: 'view',
    shortcut: `Mod+${String(index + 1)}`,
    perform: () => layoutStore.getState().show(name),
  })),
);
