import { methodTitle } from '../../main/words/methods.ts';
import { runKinds } from '../../main/contract/run-kinds.ts';
import type { MenuAction } from '../../main/contract/shell.ts';
import { type Action, isEnabled, performAction } from '../actions/action.ts';
import { openRun } from '../actions/open-run.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { selectedModel, type Facts } from '../engine/facts.ts';
import { shownRunName } from '../format/run-names.ts';
import type { z } from 'zod';
import { mapScalings } from '../../main/figures/map-scaling.ts';
import { describedExperimentSettings } from '../../main/contract/experiment.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { type Setting, settingsOf, valueText } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { experimentStore } from '../state/dialog-stores.ts';
import { layoutStore } from '../state/layout-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import { curvesModes, curvesStore } from '../state/view-stores.ts';

/** An action to run, or something to go to. */
export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  /** Heading of its group while nothing is typed; shown beside the label in search results. */
  readonly group: string;
  readonly keywords: readonly string[];
  readonly enabled: boolean;
  /** Absent: something to go to. */
  readonly action?: Action;
  readonly choose: (engine: Engine, facts: Facts) => void;
}

const menuTitles: Readonly<Record<MenuAction['menu'], string>> = {
  run: 'Run',
  view: 'View and settings',
  file: 'File',
  edit: 'Selection',
  help: 'Help',
};
const menus = ['run', 'view', 'file', 'edit', 'help'] as const;

const actionItems = (actions: readonly Action[], facts: Facts): readonly PaletteItem[] =>
  menus.flatMap((menu) =>
    actions
      .filter((action) => action.menu === menu && action.id !== 'show-palette')
      .map((action): PaletteItem => ({
        id: action.id,
        label: action.label,
        group: menuTitles[menu],
        keywords: action.keywords,
        enabled: isEnabled(action, facts),
        action,
        choose: (engine) => void performAction(action, engine),
      })),
  );

const destination = (
  group: string,
  key: string,
  label: string,
  keywords: readonly string[],
  choose: PaletteItem['choose'],
  enabled = true,
): PaletteItem => ({ id: `${group} ${key}`, label, group, keywords, enabled, choose });

/** Parses "3:17", "3.17" or "layer 3 expert 17" into an expert of the selected model. */
const expertItem = (typed: string, facts: Facts): readonly PaletteItem[] => {
  const found = /^\s*(?:layer\s*)?(\d{1,4})(?:\s*[:.,]\s*|\s+)(?:expert\s*)?(\d{1,5})\s*$/i.exec(typed);
  const info = selectedModel(facts)?.info ?? null;
  if (found === null || info === null) return [];
  const [layer, expert] = [Number(found[1]), Number(found[2])];
  if (layer >= info.moeLayers || expert >= info.experts) return [];
  const select = (): void => {
    selectionStore.getState().selectExpert(layer, expert);
    layoutStore.getState().show('workbench');
  };
  return [destination('Expert', `${layer} ${expert}`, `Layer ${layer}, expert ${expert}`, [typed], select)];
};

/** All palette items, in their order while nothing is typed. */
export const paletteItems = (actions: readonly Action[], facts: Facts, typed: string): readonly PaletteItem[] => {
  const { showModel, focusTask, chooseMethod } = selectionStore.getState();
  return [
    ...expertItem(typed, facts),
    ...actionItems(actions, facts),
    ...paletteSettings,
    ...facts.models.map(({ handle, name, info, path }) =>
      destination('Model', handle, name, [info?.family ?? '', path], () => showModel(handle)),
    ),
    ...facts.tasks.map(({ handle, name, title, metric, error }) =>
      destination('Task', handle, title, [name, metric], () => focusTask(handle), error === null),
    ),
    ...facts.methods.map(({ name }) =>
      destination('Method', name, methodTitle(name), [name], () => chooseMethod(name)),
    ),
    ...facts.runs.map((run) => {
      const keywords = [run.id, run.title, ...(run.label?.tags ?? []), run.kind, runKinds[run.kind].measured ?? ''];
      const label = shownRunName(run, facts.tasks);
      return destination('Run on disk', run.id, label, keywords, (_engine, now) => openRun(now, run));
    }),
  ];
};

/** How well a typed word matches an item; 0 for no match. */
const wordScore = (word: string, label: string, keywords: readonly string[]): number => {
  if (label.startsWith(word)) return 5;
  if (label.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) return 4;
  if (label.includes(word)) return 3;
  if (keywords.some((keyword) => keyword.startsWith(word))) return 2;
  return keywords.some((keyword) => keyword.includes(word)) ? 1 : 0;
};

/**
 * Items that match every typed word, best first; ties keep their order. A match in the label counts more than one in
 * the keywords, and a match at the start of a word more than one inside it.
 */
export const rankedItems = (items: readonly PaletteItem[], typed: string): readonly PaletteItem[] => {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const scored = items.flatMap((item) => {
    const [label, keywords] = [item.label.toLowerCase(), item.keywords.map((keyword) => keyword.toLowerCase())];
    const scores = words.map((word) => wordScore(word, label, keywords));
    // An exact match of the whole label wins.
    const whole = label === typed.trim().toLowerCase() ? words.length : 0;
    return scores.every((score) => score > 0)
      ? [{ item, score: whole + scores.reduce((sum, score) => sum + score, 0) }]
      : [];
  });
  return scored.sort((left, right) => right.score - left.score).map(({ item }) => item);
};

/** The groups, each once, in order. */
export const groupsOf = (items: readonly PaletteItem[]): readonly string[] => [
  ...new Set(items.map(({ group }) => group)),
];

/** Whether the item is something to go to, not an action; such items stay hidden until something is typed. */
export const isDestination = ({ action }: PaletteItem): boolean => action === undefined;

/** A setting with one of its values. */
const settingItem = (label: string, keywords: readonly string[], choose: () => void): PaletteItem =>
  destination('Setting', label, label, ['setting', ...keywords], choose);

/** Values of a setting offered as items; any other is typed into its field. */
const valuesOf = ({ kind, choices, isOptional, default: usual, common = [] }: Setting): readonly unknown[] => {
  if (kind === 'switch') return [true, usual];
  if (kind === 'choice')
    return choices.length === 1 ? [...choices, usual] : isOptional ? [usual, ...choices.slice(1)] : choices;
  return common;
};

const lowered = (label: string): string => label.charAt(0).toLowerCase() + label.slice(1);

/** One item for each offered value of the described settings of a schema: "Next sweep, margin δ: 0.05". */
const linesOf = (
  subject: string,
  schema: z.ZodObject,
  choose: (setting: string, value: unknown) => void,
): readonly PaletteItem[] =>
  settingsOf(schema).flatMap((setting) =>
    valuesOf(setting).map((value) =>
      settingItem(
        `${subject}, ${lowered(setting.label)}: ${valueText(setting, value)}`,
        [setting.name, setting.help.toLowerCase()],
        () => choose(setting.name, value),
      ),
    ),
  );

/** Settings of the map, plot, plan and sweep, one item per value. Window settings (theme, panels) are actions. */
const paletteSettings: readonly PaletteItem[] = [
  ...mapScalings.map((scaling) =>
    settingItem(`Colours of the map: ${scaling === 'layer' ? 'per layer' : scaling}`, ['heatmap', 'scale'], () =>
      selectionStore.getState().drawMap({ scaling }),
    ),
  ),
  ...curvesModes.map((mode) =>
    settingItem(`Chart below the map: ${mode === 'absolute' ? 'all tasks' : mode}`, ['plot', 'chart', 'curves'], () =>
      curvesStore.setState({ mode }),
    ),
  ),
  ...linesOf('Plan', describedPlanSettings, selectionStore.getState().choosePlanSetting),
  ...linesOf('Next sweep', describedSweepSettings, sweepStore.getState().choose),
  ...linesOf('Next experiment', describedExperimentSettings, experimentStore.getState().choose),
];
