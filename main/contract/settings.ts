import { z } from 'zod';
import { boundedText, margin } from './bounds.ts';
import { providerName } from './device.ts';
import { methodName } from './plan.ts';

export const themeName = z.enum(['system', 'light', 'dark']);

/** The user's settings for every workspace. Null: not set, the workbench uses its default. */
export const userSettings = z.object({
  theme: themeName.nullable(),
  /** Threads of the runtime. */
  threads: z.number().int().min(1).max(1024).nullable(),
  /** Memory limit for weights. */
  memoryBudgetBytes: z.number().min(1e6).max(1e15).nullable(),
  /** Device of the window and of `uncurl serve`. */
  device: providerName.nullable(),
  /** Default margin of the threshold rule for new sweeps. */
  delta: margin.nullable(),
  /** Methods selected by default for new sweeps. */
  methods: z.array(methodName).min(1).max(64).nullable(),
  /** Folder of runs, absolute. */
  workspace: z.string().min(1).max(4096).nullable(),
  /** Whether the system notifies of the end of a long job while the window is hidden. */
  notifications: z.boolean(),
  /** Whether the Hub may be asked at all: `never` forbids it, whatever is named. */
  hub: z.enum(['when-asked', 'never']),
});
export type UserSettings = z.infer<typeof userSettings>;

/** The fields to change; the rest stays. */
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
  hub: 'when-asked',
};

/** Settings that an engine reads when it starts: changes apply from its next start. */
const startSettings = userSettings.pick({ threads: true, memoryBudgetBytes: true, device: true, workspace: true });
export type StartSettings = z.infer<typeof startSettings>;

/** The engine's own values: those in use now, and those it would use without settings. */
const startFacts = z.object({
  threads: z.number(),
  memoryBudgetBytes: z.number(),
  device: providerName,
  workspace: boundedText,
});

export const settingsDocument = z.object({
  file: boundedText,
  settings: userSettings,
  inUse: startFacts,
  usual: startFacts,
});
export type SettingsDocument = z.infer<typeof settingsDocument>;

/** Settings that the engine does not use yet: they apply from its next start, unless overridden on its command line. */
export const waitsForStart = ({ settings, inUse, usual }: SettingsDocument): readonly (keyof StartSettings)[] =>
  startSettings.keyof().options.filter((key) => (settings[key] ?? usual[key]) !== inUse[key]);
