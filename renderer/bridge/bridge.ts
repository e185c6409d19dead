import type { EngineCall } from '../../main/contract/calls.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { ChoicePurpose, MenuAction } from '../../main/contract/shell.ts';

export type BridgeStatus =
  | { readonly state: 'connected' }
  /** Calls are rejected with `connection-lost` until `connected` comes again; then ask the engine anew. */
  | { readonly state: 'lost'; readonly message: string; readonly remedy: string };

/** Saves bytes under a name that the user may change; false where the user cancels. */
export type SaveFile = (file: {
  readonly suggestedName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}) => Promise<boolean>;

/** What only the desktop window can do. */
interface WindowShell {
  readonly platform: string;
  /** Native dialog; null where the user cancels. */
  chooseFolder(request: { readonly purpose: ChoicePurpose }): Promise<PathHandle | null>;
  readonly saveFile: SaveFile;
  /** Shows what a run made in the system's file manager. */
  showOutput(run: string): Promise<void>;
  setTheme(theme: 'system' | 'light' | 'dark'): Promise<void>;
  /** Shows the page's actions in the application menu. */
  setMenu(actions: readonly MenuAction[]): Promise<void>;
  /** Handle of the file of a run that the system asked to open. */
  onOpened(listener: (handle: PathHandle) => void): () => void;
  /** The page follows links and opens files from now on: what waited for it comes at once. */
  listen(): Promise<void>;
  /** Handles of what was dropped on the window, in the order of the drop; null for what has no path. */
  onDropped(listener: (handles: readonly (PathHandle | null)[]) => void): () => void;
  /** The id of a page action that was chosen in the menu. */
  onMenuAction(listener: (id: string) => void): () => void;
}

/** All that the page knows of its host. */
export interface Bridge {
  readonly call: EngineCall;
  subscribe(listener: (event: EngineEvent) => void): () => void;
  readonly host: 'window' | 'browser';
  /** Null in a browser: there, folders are chosen through `folders.list`. */
  readonly shell: WindowShell | null;
  /** Save dialog in the window, download in a browser. */
  readonly saveFile: SaveFile;
  /** In the form of React's useSyncExternalStore. */
  readonly status: {
    get(): BridgeStatus;
    subscribe(listener: () => void): () => void;
  };
}
