import { z } from 'zod';
import { boundedText, sentence, shortName } from './bounds.ts';
import { pathHandle } from './model.ts';
import { remoteHost, remoteStep, sshAnswer, sshQuestion } from './remote.ts';
import type { SerialisedError } from './errors.ts';

const MODIFIER = 'CommandOrControl|Control|Command|Alt|Option|Shift';
const NAMED_KEY = 'Plus|Space|Enter|Delete|Backspace|Escape|Up|Down|Left|Right';
const KEY = String.raw`[A-Z0-9]|F(?:[1-9]|1[0-9]|2[0-4])|[,./[\]=-]|${NAMED_KEY}`;

/** An accelerator in Electron's format: `CommandOrControl+Shift+P`, `F5`. */
const accelerator = z
  .string()
  .max(100)
  .regex(new RegExp(String.raw`^(?:(?:${MODIFIER})\+)*(?:${KEY})$`));

/** A page action as the application menu shows it; the page's list of actions is the only one. */
export const menuAction = z.object({
  id: z.string().min(1).max(64),
  label: z.string().min(1).max(80),
  menu: z.enum(['file', 'edit', 'view', 'run', 'help']),
  accelerator: accelerator.optional(),
  enabled: z.boolean().default(true),
});
export type MenuAction = z.infer<typeof menuAction>;

export const folderPurpose = z.enum(['model', 'task', 'candidate', 'export', 'exported', 'tuned', 'workspace']);
export type FolderPurpose = z.infer<typeof folderPurpose>;
/** Purpose of a native dialog: a folder, or one file: of a task, or a Python (no system dialog accepts either). */
export const choicePurpose = z.enum([...folderPurpose.options, 'task-file', 'model-file', 'counts-file', 'python']);
export type ChoicePurpose = z.infer<typeof choicePurpose>;

/** A suggestion, which the user may change; never a path. */
const suggestedName = z
  .string()
  .min(1)
  .max(160)
  .regex(/^[^\\/:*?"<>|\p{Cc}]+$/u);

/** Largest file that the page may save: figures and tables are far smaller. */
const MAX_SAVED_BYTES = 256 * 2 ** 20;
const savedBytes = z
  .instanceof(Uint8Array)
  .refine((bytes) => bytes.byteLength <= MAX_SAVED_BYTES, `at most ${MAX_SAVED_BYTES} bytes`);

const nothing = z.object({});

/** Questions of ssh that are open at once: one for each jump host. */
const MOST_QUESTIONS = 16;

/** Added to the name of a saved table for the manifest beside it. */
export const MANIFEST_SUFFIX = '.manifest.json';

/** Every call that a page may make to the desktop shell, each parsed by its schema. */
export const shellCalls = {
  /** A MessagePort to the engine; it arrives as a window message whose data is `enginePortMessage(request)`. */
  'engine.connect': { input: z.object({ request: z.string().regex(/^[\w-]{1,64}$/) }), output: nothing },
  /** A native folder dialog; null where the user cancels it. */
  'folder.choose': { input: z.object({ purpose: choicePurpose }), output: pathHandle.nullable() },
  /** A native save dialog; false where the user cancels it. `manifest`: a second file beside the one that is named. */
  'file.save': {
    input: z.object({ suggestedName, bytes: savedBytes, manifest: savedBytes.optional() }),
    output: z.object({ saved: z.boolean() }),
  },
  /** Shows a run's output in the system's file manager, without opening it. */
  'output.show': { input: z.object({ run: z.string().min(1).max(128) }), output: nothing },
  'theme.set': { input: z.object({ theme: z.enum(['system', 'light', 'dark']) }), output: nothing },
  /** The page listens to `link` and `opened` from now on; pending ones are sent at once. */
  'openings.listen': { input: nothing, output: nothing },
  /** Whose engine the page talks to (null: this machine's), and what ssh asks now. */
  'remote.state': {
    input: nothing,
    output: z.object({ host: shortName.nullable(), questions: z.array(sshQuestion).max(MOST_QUESTIONS) }),
  },
  /** Opens a line to the engine of another machine; the page is loaded anew after the answer. */
  'remote.connect': { input: z.object({ host: remoteHost }), output: nothing },
  /** Gives up the connection that is being made; `remote.connect` is then refused. */
  'remote.cancel': { input: nothing, output: nothing },
  /** Answers a question of ssh; null: not at all. */
  'remote.answer': {
    input: z.object({ id: z.number().int().nonnegative(), answer: sshAnswer.nullable() }),
    output: nothing,
  },
  /** Closes the line, after the end of the engine there if `stop`; the page is loaded anew on this machine's engine. */
  'remote.leave': { input: z.object({ stop: z.boolean() }), output: nothing },
  /**
   * Copies what a run of the other machine made into a folder of this one, chosen in a native dialog (null: the user
   * cancels it), and compares its checksums.
   */
  'remote.fetch': {
    input: z.object({ run: z.string().min(1).max(128) }),
    output: z.object({ out: boundedText, files: z.number().int().nonnegative() }).nullable(),
  },
  'remote.fetchCancel': { input: nothing, output: nothing },
  'menu.set': { input: z.object({ actions: z.array(menuAction).max(200) }), output: nothing },
} as const;
export type ShellCallName = keyof typeof shellCalls;
export type ShellCallInput<N extends ShellCallName> = z.input<(typeof shellCalls)[N]['input']>;
export type ShellCallOutput<N extends ShellCallName> = z.output<(typeof shellCalls)[N]['output']>;

/** An answer is a value: an error thrown through Electron's IPC would keep only its message. */
export type ShellAnswer = { readonly output: unknown } | { readonly error: SerialisedError };

/** Files and folders in one drop; more would be a mistake. */
export const MOST_DROPPED = 32;

/** What happens on the line to another machine. */
export const remoteEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('remote.step'), step: remoteStep }),
  z.object({ type: z.literal('remote.question'), question: sshQuestion }),
  z.object({ type: z.literal('remote.questionOver'), id: z.number().int().nonnegative() }),
  z.object({ type: z.literal('remote.fetching'), text: sentence }),
]);
export type RemoteEvent = z.infer<typeof remoteEvent>;

/** Events of the shell. */
export const shellEvent = z.discriminatedUnion('type', [
  /** The engine's process ended; `engine.started` follows when the user restarts it. */
  z.object({ type: z.literal('engine.lost'), message: boundedText }),
  z.object({ type: z.literal('engine.started') }),
  z.object({ type: z.literal('menu.action'), id: boundedText }),
  /** A link opened by the system, as the fragment of the page's address (page-fragment.ts). */
  z.object({ type: z.literal('link'), fragment: boundedText }),
  /** The file of a run that the system asked to open. */
  z.object({ type: z.literal('opened'), handle: pathHandle }),
  /** Dropped files and folders, in order; null for items without a path. */
  z.object({ type: z.literal('dropped'), handles: z.array(pathHandle.nullable()).max(MOST_DROPPED) }),
  ...remoteEvent.options,
]);
export type ShellEvent = z.infer<typeof shellEvent>;

/** The only global that the preload script exposes to the page. The bridge parses both answers and events. */
export interface ShellApi {
  readonly platform: string;
  call(name: ShellCallName, input: unknown): Promise<unknown>;
  onEvent(listener: (event: unknown) => void): () => void;
}

/** `data` of the window message that carries the page's engine port: only the request that it answers takes it. */
export const enginePortMessage = (request: string): string => `uncurl:engine-port:${request}`;
