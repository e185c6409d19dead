import type { EngineCall } from '../../main/contract/calls.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { SshQuestion } from '../../main/contract/remote.ts';
import type { ChoicePurpose, MenuAction, RemoteEvent } from '../../main/contract/shell.ts';

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

/** The line to the engine of another machine. The page is loaded anew when it begins or ends to use it. */
export interface Remote {
  /** The machine of the engine; null: this one. */
  readonly host: string | null;
  /** What ssh asked before the page was loaded. */
  readonly questions: readonly SshQuestion[];
  connect(host: string): Promise<void>;
  cancel(): Promise<void>;
  /** Null: no answer. */
  answer(id: number, answer: string | null): Promise<void>;
  leave(request: { readonly stop: boolean }): Promise<void>;
  /** Copies what a run made there to a folder that the user names; null if the user cancels the dialog. */
  fetch(run: string, signal: AbortSignal): Promise<{ readonly out: string; readonly files: number } | null>;
  onEvent(listener: (event: RemoteEvent) => void): () => void;
}

/** Functions that only the desktop window has. */
interface WindowShell {
  readonly platform: string;
  /** Native dialog, which answers null if the user cancels; null where the engine is on another machine. */
  readonly chooseFolder: ((request: { readonly purpose: ChoicePurpose }) => Promise<PathHandle | null>) | null;
  readonly remote: Remote;
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

/** Saves a text under a name that the user may change. */
export const saveText = ({ saveFile }: Pick<Bridge, 'saveFile'>, suggestedName: string, text: string) =>
  saveFile({ suggestedName, bytes: new TextEncoder().encode(text) });
