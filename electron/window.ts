import { BrowserWindow, nativeTheme, screen } from 'electron';
import { PAGE_URL } from './page.ts';
import { boundsWithin, readWindowBounds, SMALLEST, writeWindowBounds } from './window-bounds.ts';

export interface WindowSettings {
  readonly preload: string;
  readonly development: boolean;
  /** The file with the window's size and position. */
  readonly boundsFile: string;
  /** Called if the page cannot be loaded at all. */
  readonly failed: (error: Error) => void;
}

/** Shown until the page has painted: the page's background colours. */
const BACKGROUND = { dark: '#16181d', light: '#ffffff' } as const;

/** Chromium's net::ERR_ABORTED: reloaded before the first load was done. */
const ABORTED = -3;

/** Opens the workbench's window, which is shown once its first frame is ready. */
export const openWindow = ({ preload, development, boundsFile, failed }: WindowSettings): BrowserWindow => {
  const areas = screen.getAllDisplays().map(({ workArea }) => workArea);
  const opening = boundsWithin(readWindowBounds(boundsFile), areas);
  const window = new BrowserWindow({
    ...opening.bounds,
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
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
      // The spell checker would fetch dictionaries from a server.
      spellcheck: false,
      devTools: development,
    },
  });
  window.once('ready-to-show', () => {
    if (opening.isMaximized) window.maximize();
    window.show();
  });
  window.on('close', () => {
    const problem = writeWindowBounds(boundsFile, {
      bounds: window.getNormalBounds(),
      isMaximized: window.isMaximized(),
    });
    if (problem !== null) process.stderr.write(`${problem}\n`);
  });
  window.webContents.on('did-fail-load', (_event, code, description, url, isMainFrame) => {
    if (isMainFrame && code !== ABORTED) failed(new Error(`${url} cannot be loaded: ${description} (${code})`));
  });
  // Its promise also rejects if the window is closed or reloaded meanwhile; real failures are reported above.
  window.loadURL(PAGE_URL).catch(() => undefined);
  return window;
};
