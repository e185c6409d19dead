import type { EngineCall } from '../../main/contract/calls.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { ChoicePurpose, MenuAction } from '../../main/contract/shell.ts';

export type BridgeStatus =
  | { readonly state: 'connected' }
  /** Calls are rejected with `connection-lost` until the state is `connected` again; then refetch from the engine. */
  | { readonly state: 'lost'; readonly message: string; readonly remedy: string };

/**
 * Saves bytes; the user may change the name. `manifest`: a second file beside it, whose name is that of the file and
 * `.manifest.json`. Returns false if the user cancels.
 */
export type SaveFile = (file: {
  readonly suggestedName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly manifest?: Uint8Array<ArrayBuffer>;
}) => Promise<boolean>;

/** Functions that only the desktop window has. */
interface WindowShell {
  readonly platform: string;
  /** Native dialog; null if the user cancels. */
  chooseFolder(request: { readonly purpose: ChoicePurpose }): Promise<PathHandle | null>;
  readonly saveFile: SaveFile;
  /** Shows a run's output in the system's file manager. */
  showOutput(run: string): Promise<void>;
  setTheme(theme: 'system' | 'light' | 'dark'): Promise<void>;
  /** Shows the page's actions in the application menu. */
  setMenu(actions: readonly MenuAction[]): Promise<void>;
  /** Called with the handle of a run file that the system asked to open. */
  onOpened(listener: (handle: PathHandle) => void): () => void;
  /** Reports that the page is ready for links and files to open; those that waited arrive at once. */
  listen(): Promise<void>;
  /** Handles of dropped files, in order; null for one without a path. */
  onDropped(listener: (handles: readonly (PathHandle | null)[]) => void): () => void;
  /** Called with the id of the page action chosen in the menu. */
  onMenuAction(listener: (id: string) => void): () => void;
}

/** The page's whole interface to its host. */
export interface Bridge {
  readonly call: EngineCall;
  subscribe(listener: (event: EngineEvent) => void): () => void;
  readonly host: 'window' | 'browser';
  /** Null in a browser, which chooses folders through `folders.list`. */
  readonly shell: WindowShell | null;
  /** Save dialog in the window, download in a browser. */
  readonly saveFile: SaveFile;
  /** For React's useSyncExternalStore. */
  readonly status: {
    get(): BridgeStatus;
    subscribe(listener: () => void): () => void;
  };
}
