import { z } from 'zod';
import { margin } from './bounds.ts';
import { providerName } from './device.ts';
import { methodName } from './plan.ts';

export const themeName = z.enum(['system', 'light', 'dark']);

/** What a person sets once for every workspace. Null: nothing was set, and the workbench decides as it always did. */
export const userSettings = z.object({
  theme: themeName.nullable(),
  /** Threads of the runtime. */
  threads: z.number().int().min(1).max(1024).nullable(),
  /** Memory that weights may take. */
  memoryBudgetBytes: z.number().min(1e6).max(1e15).nullable(),
  /** What computes in the window and behind `uncurl serve`. */
  device: providerName.nullable(),
  /** Margin of the threshold rule that the next sweep is offered. */
  delta: margin.nullable(),
  /** Methods that are ticked for the next sweep. */
  methods: z.array(methodName).min(1).max(64).nullable(),
  /** Folder of runs, absolute. */
  workspace: z.string().min(1).max(4096).nullable(),
  /** Whether the end of a long job is told by the system while the window is out of sight. */
  notifications: z.boolean(),
});
export type UserSettings = z.infer<typeof userSettings>;

/** What of them to change; the rest stays. */
export type SettingsChange = { readonly [K in keyof UserSettings]?: UserSettings[K] | undefined };

export const NO_SETTINGS: UserSettings = {
  theme: null,
  threads: null,
  memoryBudgetBytes: null,
  device: null,
  delta: null,
  methods: null,
  workspace: null,
  notifications: false,
};

/** Settings that an engine reads when it starts: changed, they hold from its next start on. */
const startSettings = userSettings.pick({ threads: true, memoryBudgetBytes: true, device: true, workspace: true });
export type StartSettings = z.infer<typeof startSettings>;

/** An engine's own answer to the same: what it uses now, and what it would use where nothing is set. */
const startFacts = z.object({
  threads: z.number(),
  memoryBudgetBytes: z.number(),
  device: providerName,
  workspace: z.string(),
});

export const settingsDocument = z.object({
  /** The file that they lie in. */
  file: z.string(),
  settings: userSettings,
  inUse: startFacts,
  usual: startFacts,
});
export type SettingsDocument = z.infer<typeof settingsDocument>;

/** Which settings the engine does not use yet: they hold from its next start on, unless its command line says else. */
export const waitsForStart = ({ settings, inUse, usual }: SettingsDocument): readonly (keyof StartSettings)[] =>
  startSettings.keyof().options.filter((key) => (settings[key] ?? usual[key]) !== inUse[key]);
