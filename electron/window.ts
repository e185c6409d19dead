import { BrowserWindow, nativeTheme } from 'electron';
import { PAGE_URL } from './page-address.ts';

export interface WindowSettings {
  /** Path of the bundled preload script. */
  readonly preload: string;
  readonly development: boolean;
  /** Told where the page cannot be loaded at all. */
  readonly failed: (error: unknown) => void;
}

/** Shown until the page has painted: the page's own backgrounds. */
const BACKGROUND = { dark: '#16181d', light: '#ffffff' } as const;

/** Loaded again (or closed) before the first load was done: no failure. */
const isSuperseded = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ERR_ABORTED';

/** The workbench's window: shown once its first frame is ready. */
export const openWindow = ({ preload, development, failed }: WindowSettings): BrowserWindow => {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 960,
    minHeight: 600,
    show: false,
    title: 'Uncurl Workbench',
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      // The checker would fetch dictionaries from a server.
      spellcheck: false,
      devTools: development,
    },
  });
  window.once('ready-to-show', () => window.show());
  window.loadURL(PAGE_URL).catch((error: unknown) => {
    if (!window.isDestroyed() && !isSuperseded(error)) failed(error);
  });
  return window;
};
