import { createStore } from 'zustand/vanilla';

/** Remembers small interface settings between starts. If the browser refuses storage, they are only forgotten. */
interface Remembered {
  readonly read: (key: string) => string | null;
  readonly write: (key: string, value: string) => void;
}

const PREFIX = 'uncurl.';

const rememberedIn = (storage: Storage | null): Remembered => ({
  read: (key) => storage?.getItem(PREFIX + key) ?? null,
  write: (key, value) => storage?.setItem(PREFIX + key, value),
});

const available = (): Storage | null => {
  try {
    return globalThis.localStorage;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
};

export const remembered = rememberedIn(available());

/** Name of the view shown before the page's address is followed; renderer/app/views.tsx lists all. */
export const FIRST_VIEW = 'workbench';

const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export const sidebarLimits = { minimum: 200, maximum: 420, initial: 264 } as const;
export const inspectorLimits = { minimum: 260, maximum: 480, initial: 316 } as const;

/** Shares of the lists in the height of the sidebar; only their ratios count. */
export interface ListShares {
  readonly models: number;
  readonly tasks: number;
  readonly runs: number;
}

const evenShares: ListShares = { models: 1, tasks: 1.2, runs: 1 };
/** Least share of a list in its own and its neighbour's height. */
const LEAST_SHARE = 0.1;

interface Limits {
  readonly minimum: number;
  readonly maximum: number;
}
const within = (width: number, limits: Limits): number =>
  Math.round(Math.min(limits.maximum, Math.max(limits.minimum, width)));

interface LayoutState {
  readonly view: string;
  readonly theme: Theme;
  readonly sidebarOpen: boolean;
  readonly inspectorOpen: boolean;
  /** Whether the view has an inspector of its own, closed at first. */
  readonly isApart: boolean;
  /** Whether the inspector is open in views of the other width. */
  readonly otherInspectorOpen: boolean;
  /** Pixels. */
  readonly sidebarWidth: number;
  readonly inspectorWidth: number;
  /** Panels that cover the view, because there is no room beside it. */
  readonly overlaid: { readonly sidebar: boolean; readonly inspector: boolean };
  readonly listShares: ListShares;
  readonly paletteOpen: boolean;
  /** Whether the initial address has been followed. */
  readonly isFollowed: boolean;
  readonly show: (view: string) => void;
  readonly chooseTheme: (theme: Theme) => void;
  readonly toggleSidebar: () => void;
  readonly toggleInspector: () => void;
  readonly widen: (isApart: boolean) => void;
  readonly overlay: (overlaid: Partial<LayoutState['overlaid']>) => void;
  readonly resizeSidebar: (width: number) => void;
  readonly resizeInspector: (width: number) => void;
  /** Gives the upper of two lists this share of what both have. */
  readonly shareLists: (upper: keyof ListShares, lower: keyof ListShares, share: number) => void;
}

const rememberedTheme = (): Theme => themes.find((theme) => theme === remembered.read('theme')) ?? 'system';
const rememberedWidth = (key: string, limits: Limits & { readonly initial: number }): number => {
  const width = Number(remembered.read(key) ?? limits.initial);
  return within(Number.isFinite(width) ? width : limits.initial, limits);
};

const rememberedShares = (): ListShares => {
  const [models = 0, tasks = 0, runs = 0] = (remembered.read('listShares') ?? '').split(' ').map(Number);
  return [models, tasks, runs].every((share) => share > 0 && share < 100) ? { models, tasks, runs } : evenShares;
};

/** Up to this width the inspector covers the view (layout.css) and starts closed. */
export const ROOMY_PX = 1100;
/** Up to this width, so does the sidebar. */
export const NARROW_PX = 800;

export const createLayoutStore = () =>
  createStore<LayoutState>()((set) => ({
    view: FIRST_VIEW,
    theme: rememberedTheme(),
    sidebarOpen: globalThis.innerWidth > NARROW_PX && remembered.read('sidebar') !== 'closed',
    inspectorOpen: globalThis.innerWidth > ROOMY_PX && remembered.read('inspector') !== 'closed',
    isApart: false,
    otherInspectorOpen: false,
    sidebarWidth: rememberedWidth('sidebarWidth', sidebarLimits),
    inspectorWidth: rememberedWidth('inspectorWidth', inspectorLimits),
    overlaid: { sidebar: false, inspector: false },
    listShares: rememberedShares(),
    paletteOpen: false,
    isFollowed: false,
    show: (view) => set({ view }),
    chooseTheme: (theme) => set({ theme }),
    toggleSidebar: () => set(({ sidebarOpen }) => ({ sidebarOpen: !sidebarOpen })),
    toggleInspector: () => set(({ inspectorOpen }) => ({ inspectorOpen: !inspectorOpen })),
    widen: (isApart) =>
      set((state) =>
        state.isApart === isApart
          ? state
          : { isApart, inspectorOpen: state.otherInspectorOpen, otherInspectorOpen: state.inspectorOpen },
      ),
    overlay: (changed) => set(({ overlaid }) => ({ overlaid: { ...overlaid, ...changed } })),
    resizeSidebar: (width) => set({ sidebarWidth: within(width, sidebarLimits) }),
    resizeInspector: (width) => set({ inspectorWidth: within(width, inspectorLimits) }),
    shareLists: (upper, lower, share) =>
      set(({ listShares }) => {
        const both = listShares[upper] + listShares[lower];
        const first = both * Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));
        return { listShares: { ...listShares, [upper]: first, [lower]: both - first } };
      }),
  }));

export const layoutStore = createLayoutStore();

layoutStore.subscribe((state) => {
  remembered.write('theme', state.theme);
  // A panel closed for lack of room should reopen in a wider window.
  if (!state.overlaid.sidebar) remembered.write('sidebar', state.sidebarOpen ? 'open' : 'closed');
  const isInspectorOpen = state.isApart ? state.otherInspectorOpen : state.inspectorOpen;
  if (!state.overlaid.inspector) remembered.write('inspector', isInspectorOpen ? 'open' : 'closed');
  const { models, tasks, runs } = state.listShares;
  remembered.write('listShares', [models, tasks, runs].map((share) => share.toFixed(3)).join(' '));
  remembered.write('sidebarWidth', String(state.sidebarWidth));
  remembered.write('inspectorWidth', String(state.inspectorWidth));
});
