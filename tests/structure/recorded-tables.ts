// Tables that the documentation quotes from recorded runs and from described settings, computed from these. `npm run
// docs` writes each block between the markers `<!-- table: NAME -->` and `<!-- end -->`; recorded-tables.test.ts lists
// outdated ones.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { z } from 'zod';
import { families } from '../../main/checkpoint/families/families.ts';
import { llamaArchitectures } from '../../main/checkpoint/gguf/llama-architectures.ts';
import { clusterRequest } from '../../main/contract/cluster.ts';
import { BEST_REFERENCE } from '../../main/contract/compare.ts';
import { weightsOfLabel } from '../../main/contract/method.ts';
import {
  describedExperimentSettings,
  type ExperimentAnswer,
  type ExperimentCell,
  type ExperimentRecord,
  treatmentTitles,
} from '../../main/contract/experiment.ts';
import { finetuneSettings } from '../../main/contract/finetune.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { runManifest } from '../../main/contract/run.ts';
import { defaultText, settingsOf } from '../../main/contract/setting.ts';
import type { Finding, SafeShare, SizeTrendDocument } from '../../main/contract/size-trend.ts';
import {
  DEFAULT_DELTA,
  describedSweepSettings,
  isNothingToLose,
  pointNameKey,
  sweepSettings,
  type SweepDocument,
  type SweepResult,
  type Threshold,
  UNPRUNED,
} from '../../main/contract/sweep.ts';
import { type AnswerKind, answersOf } from '../../main/contract/task.ts';
import { TELLING_LOSS } from '../../main/evaluation/fidelity.ts';
import { ratioInterval } from '../../main/statistics/ratio-interval.ts';
import { choiceAndWriting, reachSummary, TWIN_SUFFIX } from '../../main/evaluation/choice-and-writing.ts';
import { curtailedOrder, partEnds } from '../../main/evaluation/curtailment.ts';
import { luckPoints, luckSentences, luckThresholds } from '../../main/evaluation/calibration-luck.ts';
import { type PointOverDraws, pointsOverDraws } from '../../main/evaluation/draws.ts';
import { elsewhereSummaries, summarySentence } from '../../main/evaluation/elsewhere.ts';
import {
  fittingPairs,
  type FrontierPair,
  type FrontierPoint,
  frontierSummaries,
} from '../../main/evaluation/frontier.ts';
import { present } from '../../main/contract/errors.ts';
import { experimentDocument } from '../../main/evaluation/experiment/document.ts';
import { accuracyOf, isSameCurve } from '../../main/evaluation/experiment/pairs.ts';
import { countPairs } from '../../main/evaluation/size-trend/pairs.ts';
import { sizeTrendDocument } from '../../main/evaluation/size-trend/document.ts';
import { groupBy } from '../../main/evaluation/threshold.ts';
import type { FigureSource } from '../../main/figures/figures.ts';
import { familyReasons } from '../../main/export/gguf/architectures.ts';
import {
  bareFactor,
  formatDifference,
  formatFactor,
  formatParameters,
  formatRange,
  formatRoughPercent,
} from '../../main/words/numbers.ts';
import { armWords, methodTitle } from '../../main/words/methods.ts';
import { pointVerdictText } from '../../main/words/verdicts.ts';
import { requireExperimentRecord } from '../../main/runs/experiment-record.ts';
import { formulasHash, readShippedAnswer, shippedFolder, shippedName } from '../../main/runs/kept-answers.ts';
import {
  readComparisons,
  readFigureSource,
  readSizePairs,
  reportComparisons,
  SIZE_PAIRS,
} from '../../main/runs/read-run.ts';
import { openRunSource, type RunSource } from '../../main/runs/run-source.ts';
import { addSample, recordedExperimentFolder, SAMPLE_RUN } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { answer, curtailedSample, sampleOutcomes } from '../main/evaluation/curtailed-sample.ts';
import { recordedJson, type RecordedReading, recordedReadings, recordedResults } from '../main/sample/recorded.ts';
import { writeBundledRecords } from './bundled-records.ts';
import { type ForetoldCurve, foretoldCurves, heldOutCounts } from './forecast-rates.ts';
import { gatesGhosts, gatesIn } from './gates-tables.ts';
import { recordedFitBench } from './fit-bench.ts';
import { interval, items, points, table } from './markdown.ts';
import { root } from './project-files.ts';
import { provenFamilies } from './proven-families.ts';
import { readPublishedModels } from './published-models.ts';
import { simulatedLosses, simulatedSelection, simulatedTexts } from './simulated-rates.ts';
import {
  below,
  type Curve,
  curvesOf,
  measures,
  onCommonFactors,
  rankCorrelation,
  rankGain,
  ruleCounts,
  safeByChoice,
} from './written-forecast.ts';

const resources = path.join(root, 'resources');

interface Sample {
  readonly document: SweepDocument;
  /** As in the window: with the recorded trainings of other seeds. */
  readonly trend: SizeTrendDocument;
  /** Only the sample's own models. */
  readonly own: SizeTrendDocument;
  /** What comes with the sample: the JSON text of every answer about it that takes long, as the window asks, by file. */
  readonly answers: ShippedAnswers;
}

type ShippedAnswers = ReadonlyMap<string, string>;

const shippedOf = async (
  source: RunSource,
  { document, sizeTrend, comparisons }: Pick<FigureSource, 'document' | 'sizeTrend' | 'comparisons'>,
): Promise<ShippedAnswers> => {
  if (document === null || sizeTrend === undefined) throw new Error('the sample has no results');
  const asked = { run: SAMPLE_RUN, delta: sizeTrend.delta, familywise: false };
  // The Compare view of a first start: the measured model with the most experts, and the factor that plans begin at.
  const firstChoice = { model: 'uncurl-64', factor: 2, reference: BEST_REFERENCE };
  const [firstCompared] = await readComparisons(source, document, [firstChoice]);
  const answers: readonly (readonly [what: unknown, answer: unknown])[] = [
    [{ read: 'sweep', ...asked }, document],
    [{ read: 'size-trend', ...asked }, sizeTrend],
    [{ read: 'comparison', ...asked, ...firstChoice }, firstCompared],
    [SIZE_PAIRS, await readSizePairs(source, document)],
    [reportComparisons(document), comparisons],
  ];
  const formulas = formulasHash();
  return new Map(answers.map(([what, answer]) => [shippedName(SAMPLE_RUN, what, formulas), JSON.stringify(answer)]));
};

/** The answers that come with the sample now, by file. */
export const readShippedAnswers = async (): Promise<ShippedAnswers> => {
  const read = new Map<string, string>();
  for (const name of await readdir(shippedFolder(resources)))
    read.set(name, present(await readShippedAnswer(resources, name), `${name} is gone`));
  return read;
};

const readSample = async (): Promise<Sample> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-docs-'));
  try {
    const workspace = await openWorkspace(path.join(folder, 'workspace'));
    await addSample(workspace, resources);
    // Without a folder of a user: every answer is computed.
    const source = await openRunSource(workspace, resources);
    const figures = await readFigureSource(source, SAMPLE_RUN);
    const { document, sizeTrend } = figures;
    if (document === null || sizeTrend === undefined) throw new Error('the sample has no results');
    const unpaired = { pairs: [], missing: 0, incomparable: 0 };
    return {
      document,
      trend: sizeTrend,
      own: sizeTrendDocument(document, { delta: sizeTrend.delta }, unpaired),
      answers: await shippedOf(source, figures),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

let known: Promise<Sample> | null = null;

/** The sample, computed once. */
export const recordedSample = (): Promise<Sample> => (known ??= readSample());

const textTable = (rows: readonly (readonly string[])[], rightAligned: readonly number[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const cell = (text: string, column: number): string =>
    rightAligned.includes(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return ['```', ...rows.map((row) => row.map(cell).join('  ').trimEnd()), '```'];
};

/** The first sweep of the README: one model, one task, two methods. */
const firstResult = ({ document }: Sample): readonly string[] => {
  const isShown = ({ model, task, method, factor }: SweepResult): boolean =>
    model === 'uncurl-16' &&
    task === 'french' &&
    (method === UNPRUNED || (['frequency', 'reap'].includes(method) && [2, 4].includes(factor)));
  const shown = textTable(
    [
      [...'model task method factor kept dropped n value difference'.split(' '), '95 % interval', 'verdict'],
      ...document.results
        .filter(isShown)
        .map((result) => [
          ...[result.model, result.task, result.method, String(result.factor), String(result.kept)],
          ...[`${points(result.droppedShare ?? 0)} %`, String(result.n), points(result.value)],
          ...[points(result.difference), interval(result)],
          result.verdict === null || result.verdict === undefined ? '' : pointVerdictText(result.verdict),
        ]),
    ],
    [3, 4, 5, 6, 7, 8],
  );
  const half = document.results.filter(isShown).find(({ method, factor }) => method === 'frequency' && factor === 2);
  if (half === undefined || half.verdict === 'safe') throw new Error('the first result is told otherwise');
  return [
    ...shown,
    '',
    `Pruning half of the experts costs this model ${points(-half.difference)} points of accuracy in French, so its ` +
      'threshold is below 2.',
  ];
};

/** "4 to 7": counts of the draw with fewest and of the one with most. */
const drawsText = (share: SafeShare | undefined): string =>
  formatRange([share?.draws?.lowest ?? 0, share?.draws?.highest ?? 0]);

const KINDS: readonly AnswerKind[] = ['chosen', 'written'];

const safeAtTwo = ({ safeCounts }: SizeTrendDocument, answers: AnswerKind, method: string) =>
  safeCounts.find((one) => one.answers === answers && one.method === method && one.factor === 2)?.shares ?? [];

/** Number of tasks, out of nine, in which factor 2 is safe in every draw, by method and number of experts. */
const safeTasks = ({ document, own: trend }: Sample): readonly string[] => {
  const drawsOf = (method: string): number =>
    new Set(document.results.filter((result) => result.method === method).map(({ seed }) => seed)).size;
  return table(
    ['chosen / written', ...safeAtTwo(trend, 'chosen', 'frequency').map(({ experts }) => `E = ${experts}`)],
    trend.methods.flatMap((method) => {
      const [chosen = [], written = []] = KINDS.map((kind) => safeAtTwo(trend, kind, method));
      const draws = drawsOf(method);
      const cells = (of: (share: SafeShare | undefined) => string): readonly string[] =>
        chosen.map((share, index) => `${of(share)} / ${of(written[index])}`);
      const all = cells((share) => String(share?.safe ?? 0));
      if (draws < 2) return [[methodTitle(method), ...all]];
      return [
        [`${methodTitle(method)}, in every one of ${draws} draws`, ...all],
        [`${methodTitle(method)}, in single draws`, ...cells((share) => drawsText(share))],
      ];
    }),
  );
};

/** The engine's sentences of one chart; of single methods where `ofMethods` names them, else of all together. */
const findings =
  (chart: Finding['chart'], ofMethods: readonly (string | null)[] = [null]) =>
  ({ trend }: Sample): readonly string[] =>
    items(
      trend.findings
        .filter((one) => one.chart === chart && ofMethods.includes(one.method))
        .map(({ sentence }) => sentence),
    );

const bothKinds = ({ document }: Sample): readonly string[] => {
  const sentence = reachSummary(choiceAndWriting(document));
  if (sentence === null) throw new Error('the sample has no task of both kinds');
  return [sentence];
};

const size = ({ document, own }: Sample): readonly string[] => {
  const counts = [...new Set(document.results.map(({ n }) => n))].sort((one, other) => other - one);
  const draws = new Set(document.results.flatMap(({ seed }) => seed ?? [])).size;
  return [
    `${document.results.length.toLocaleString('en-US')} points over n = ${counts.join(' or ')} test items per task; ` +
      `${own.methods.map(methodTitle).join(', ')}; ${draws} draws of each method that draws.`,
  ];
};

/** For frequency: the share of routed choices that factor 2 drops at each size, and where it is safe. */
const shortFinding = async ({ own: trend, trend: all }: Sample): Promise<readonly string[]> => {
  const againstScratch = (kind: AnswerKind): string => {
    const isOwn = ({ task }: { readonly task: string }): boolean => task.endsWith(TWIN_SUFFIX) === (kind === 'written');
    const { worse, all: of } = countPairs(
      all.pairs.filter((pair) => isOwn(pair) && pair.method === 'frequency' && pair.pastThreshold === true),
    );
    return `${worse} of ${of} comparisons ${kind}`;
  };
  const listed = (values: readonly string[]): string => `${values.slice(0, -1).join(', ')} and ${values.at(-1) ?? ''}`;
  const safe = (kind: AnswerKind, method: string): string =>
    listed(safeAtTwo(trend, kind, method).map((share) => String(share.safe)));
  const inDraws = (kind: AnswerKind, method: string): string => listed(safeAtTwo(trend, kind, method).map(drawsText));
  const sizes = listed(safeAtTwo(trend, 'chosen', 'frequency').map(({ experts }) => String(experts)));
  const tasks = String(safeAtTwo(trend, 'chosen', 'frequency')[0]?.of ?? 0);
  const share = trend.shareTrends.find(({ answers, method }) => answers === 'chosen' && method === 'frequency');
  if (!share?.equalFactor) throw new Error('the sample has no dropped shares');
  const dropped = listed(share.equalFactor.sizes.map((size) => points(size.share)));
  return items([
    `By frequency, factor 2 is safe in ${safe('chosen', 'frequency')} of ${tasks} tasks at ${sizes} experts when ` +
      `answers are chosen.`,
    `**Multiple choice flatters pruning**: when the same answers are written, it is safe in ` +
      `${safe('written', 'frequency')}.`,
    `By frequency, past its threshold, a pruned model is worse than one pretrained with fewer experts in ` +
      `${againstScratch('chosen')} and ${againstScratch('written')}.`,
    `The same factor drops less at more experts (${dropped} % of the routed choices).`,
    `UNCURL is drawn at random (k-means by ${await optimiserWords()}). In single draws factor 2 is safe in ` +
      `${inDraws('chosen', 'uncurl')} tasks chosen and in ${inDraws('written', 'uncurl')} written; in every ` +
      `one of five draws in ${safe('chosen', 'uncurl')} chosen and in ${safe('written', 'uncurl')} written.`,
  ]);
};

/** How the sample's UNCURL looks for its clusters. */
const optimiserWords = async (): Promise<string> => {
  const file = path.join(resources, 'sample', 'run', 'manifest.json');
  const { options } = sweepSettings.parse(runManifest.parse(JSON.parse(await readFile(file, 'utf8'))).spec);
  return options['uncurl']?.['optimiser'] === 'lloyd' ? "Lloyd's steps" : 'greedy seeds and single moves';
};

const SIGNS = { plus: '+', minus: '-', 'cannot-tell': '?' } as const;

interface RecordedExperiment {
  readonly record: ExperimentRecord;
  readonly answers: readonly ExperimentAnswer[];
}

const readExperiment = async (): Promise<RecordedExperiment> => {
  const folder = recordedExperimentFolder(resources);
  const manifest = runManifest.parse(JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')));
  const record = await requireExperimentRecord(folder, manifest);
  return { record, answers: experimentDocument(record).answers };
};

let experimentRead: Promise<RecordedExperiment> | null = null;
/** Read once for all its tables. */
const recordedExperiment = (): Promise<RecordedExperiment> => (experimentRead ??= readExperiment());

/**
 * Fine-tuned, pruned minus scratch, over all draws: the mean with its interval over items and draws, and a range that
 * contains each draw's interval.
 */
const experiment = async (): Promise<readonly string[]> => {
  const { record, answers } = await recordedExperiment();
  const cells = answers
    .filter(({ question }) => question === 'scratch')
    .flatMap((answered) => answered.cells)
    .filter(({ treatment }) => treatment === 'tuned');
  const tasks = record.tasks.map(({ name }) => name);
  const bySize = Map.groupBy(cells, ({ experts, kept, gates }) => [`${experts} to ${kept}`, gates ?? ''].join());
  const hasFolded = cells.some(({ gates }) => gates !== null);
  const text = (cell: ExperimentCell | undefined): string =>
    cell === undefined
      ? ''
      : `${SIGNS[cell.sign]}${cell.atCeiling ? '*' : ''} ${points(cell.difference)} ` +
        `${cell.overDraws === null ? '' : `${interval(cell.overDraws)} `}(${points(cell.low)} to ${points(cell.high)})`;
  const rows = [...bySize].sort(([, [a]], [, [b]]) => (a?.factor ?? 0) - (b?.factor ?? 0));
  return table(
    ['sizes', 'factor', ...(hasFolded ? ['gates'] : []), ...tasks],
    rows.map(([, own]) => [
      ...[`${own[0]?.experts ?? ''} to ${own[0]?.kept ?? ''}`, String(own[0]?.factor ?? '')],
      ...(hasFolded ? [own[0]?.gates ?? 'renormalised'] : []),
      ...tasks.map((task) => text(own.find((cell) => cell.task === task))),
    ]),
  );
};

/** What the paragraphs of the experiment's page say of single cells and counts. */
const experimentReading = async (): Promise<readonly string[]> => {
  const { record, answers } = await recordedExperiment();
  const cells = answers.filter(({ question }) => question === 'scratch').flatMap((answered) => answered.cells);
  const counts = (treatment: string, gates: 'folded' | null, sign: 'plus' | 'minus'): number =>
    cells.filter((cell) => cell.treatment === treatment && cell.gates === gates && cell.sign === sign).length;
  const folded = (task: string, experts: number, kept: number): ExperimentCell => {
    const found = cells
      .filter((cell) => cell.treatment === 'tuned' && cell.gates === 'folded' && cell.task === task)
      .find((cell) => cell.experts === experts && cell.kept === kept);
    if (found === undefined) throw new Error(`no ${task} at ${experts} to ${kept}`);
    return found;
  };
  const one = folded(`capital${TWIN_SUFFIX}`, 64, 32);
  const loss = (task: string): string => {
    const cell = folded(task, 32, 8);
    return cell.sign === 'cannot-tell' ? 'undecided' : `${(-100 * cell.difference).toFixed(0)} points below scratch`;
  };
  const unpruned = (treatment: string): string => {
    const arm = record.arms.find(
      ({ method, experts, task, treatment: own }) =>
        method === null && experts === 8 && task === 'german' && own === treatment,
    );
    if (arm === undefined) throw new Error(`no unpruned arm ${treatment}`);
    return points(accuracyOf(arm.right));
  };
  const better = ['as-is', 'tuned'].reduce((sum, treatment) => sum + counts(treatment, 'folded', 'plus'), 0);
  const of = cells.filter(({ treatment, gates }) => treatment === 'tuned' && gates === 'folded').length;
  return items([
    `**Folded gates take a part of the loss away, not its sign.** Of ${of} comparisons with scratch, ` +
      `${counts('as-is', 'folded', 'minus')} are worse instead of ${counts('as-is', null, 'minus')} as it is, and ` +
      `${counts('tuned', 'folded', 'minus')} instead of ${counts('tuned', null, 'minus')} fine-tuned; ` +
      `${better === 0 ? 'none is' : `${better} are`} better ([Gates after deletion](gates.md)).`,
    `**One draw alone can mislead.** On written capitals at 64 to 32 with folded gates, the intervals of the ` +
      `${record.settings.seeds.length} draws reach from ${points(one.low)} to ${points(one.high)} points.`,
    `**Writing shows losses that choosing hides on sums and capitals, not on German words**, of which few are right ` +
      `when written: with folded gates, capitals at 32 to 8 are ${loss('capital')} by choice and ` +
      `${loss(`capital${TWIN_SUFFIX}`)} in writing, German words ${loss('german')} by choice and ` +
      `${loss(`german${TWIN_SUFFIX}`)} in writing.`,
    `**Fine-tuning also hurts what its items do not contain**: unpruned, German words at E = 8 go from ` +
      `${unpruned('as-is')} to ${unpruned('tuned')} % by choice.`,
  ]);
};

/** Signs of the comparisons, by question, treatment and kind of answers. */
const experimentSigns = async (): Promise<readonly string[]> => {
  const { answers } = await recordedExperiment();
  const arms = [...new Map(answers.flatMap(({ cells }) => cells.map((cell) => [armWords(cell), cell] as const)))];
  return table(
    [
      'compared with',
      'arms',
      'answers',
      'better',
      'worse',
      'undecided',
      'better impossible',
      'mean below 0',
      'above 0',
    ],
    answers.flatMap(({ question, cells }) =>
      arms.flatMap(([words, arm]) =>
        KINDS.map((kind) => {
          const own = cells.filter(
            (cell) => isSameCurve(cell, arm) && cell.task.endsWith(TWIN_SUFFIX) === (kind === 'written'),
          );
          const signs = (['plus', 'minus', 'cannot-tell'] as const).map((sign) =>
            own.filter((cell) => cell.sign === sign),
          );
          const means = own.flatMap(({ overDraws }) => overDraws ?? []);
          const counts = [
            ...signs.map(({ length }) => length),
            own.filter(({ atCeiling }) => atCeiling).length,
            means.filter(({ high }) => high < 0).length,
            means.filter(({ low }) => low > 0).length,
          ];
          return [question, words, kind, ...counts.map(String)];
        }),
      ),
    ),
  );
};

const experimentFindings = async (): Promise<readonly string[]> => {
  const { answers } = await recordedExperiment();
  return answers.flatMap(({ findings: found }) => found.map(({ sentence }) => `- ${sentence}`));
};

/** Item evaluations that a threshold search would need for the sample's candidates, counted on its outcomes. */
const curtailment = async ({ document, own: { delta } }: Sample): Promise<readonly string[]> => {
  const outcomesOf = await sampleOutcomes();
  const eachItem = (n: number): readonly number[] => Array.from({ length: n }, (_, index) => index + 1);
  const counts = KINDS.map((kind) => {
    const own = { ...document, results: document.results.filter((result) => answersOf(result) === kind) };
    const candidates = own.results.filter(({ factor }) => factor > 1);
    const evaluations = (orderOf: (result: SweepResult) => readonly number[]): number =>
      candidates.reduce((sum, result) => {
        const unpruned = outcomesOf({ ...result, method: UNPRUNED, seed: null, factor: 1 });
        const order = orderOf(result);
        return sum + answer(result, delta, unpruned, outcomesOf(result), order, eachItem(result.n)).evaluated;
      }, 0);
    return {
      full: candidates.reduce((sum, { n }) => sum + n, 0),
      rules: [
        evaluations(({ n }) => eachItem(n).map((end) => end - 1)),
        evaluations((result) =>
          curtailedOrder(result.metric, outcomesOf({ ...result, method: UNPRUNED, seed: null, factor: 1 })),
        ),
        curtailedSample(own, outcomesOf, delta, eachItem).evaluated,
        curtailedSample(own, outcomesOf, delta, partEnds).evaluated,
      ],
    };
  });
  const texts = [
    'every candidate, items in the order of their file',
    'nearest margin first (written answers have none)',
    'curves end at their first factor that is not safe',
    'as implemented: verdicts checked after 8, 24, 72, 216, ... items',
  ];
  const cells = (index: number): readonly string[] =>
    counts.flatMap(({ full, rules }) => {
      const count = rules[index] ?? Number.NaN;
      return [count.toLocaleString('en-US'), `${(full / count).toFixed(1)}x`];
    });
  return table(
    ['item evaluations', 'chosen', 'fewer', 'written', 'fewer'],
    [
      ['all items of all candidates', ...counts.flatMap(({ full }) => [full.toLocaleString('en-US'), ''])],
      ...texts.map((text, index) => [text, ...cells(index)]),
    ],
  );
};

/** Published models by their configs alone, the smallest first. */
const publishedSizes = async (): Promise<readonly string[]> => {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;
  return table(
    ['model', 'parameters', 'used per token', 'stored', 'resident', 'one block at a time', 'config from'],
    (await readPublishedModels()).map(({ model, source, info: { parameters, sizeBytes, dtype, memory } }) => [
      model,
      formatParameters(parameters.total),
      formatParameters(parameters.active),
      `${gigabytes(sizeBytes)} ${dtype.replace(/ .*/, '')}`,
      gigabytes(memory.resident),
      gigabytes(memory.streaming),
      source,
    ]),
  );
};

/** Options of the described settings of a schema. */
const settings = (schema: z.ZodObject) => (): readonly string[] =>
  table(
    ['option', 'effect', 'values', 'default'],
    settingsOf(schema).flatMap((setting) =>
      setting.flag === undefined ? [] : [[`\`--${setting.flag}\``, setting.help, setting.range, defaultText(setting)]],
    ),
  );

/** How many verdicts and thresholds stay over calibration draws: of methods that score experts, and of UNCURL. */
const luckTogether = async (): Promise<readonly string[]> => {
  const recorded = await recordedResults('luck');
  const [points_, thresholds] = [luckPoints(recorded), luckThresholds(recorded)];
  const stay = (isOwn: (method: string) => boolean, size: number): readonly [points: string, thresholds: string] => {
    const own = points_.filter((point) => isOwn(point.method) && point.size === size);
    const ends = thresholds.filter((one) => isOwn(one.method) && one.size === size);
    const still = ends.filter(({ all, draws }) => draws.every((factor) => factor === all));
    const agreeing = own.filter(({ agree }) => agree.count === agree.of);
    return [`${agreeing.length} of ${own.length}`, `${still.length} of ${ends.length}`];
  };
  const [most, few] = [stay((method) => method !== 'uncurl', 300), stay((method) => method !== 'uncurl', 30)];
  const merged = stay((method) => method === 'uncurl', 300);
  return [
    `For methods that score experts one by one, 300 items leave little luck: ${most[0]} points have the same ` +
      `verdict in every draw, and ${most[1]} thresholds do not move; with 30 items ${few[0]} and ${few[1]}. UNCURL's ` +
      `clusters change more with the items (${merged[0]} points, ${merged[1]} thresholds at 300), and no longer with ` +
      'the starts of k-means.',
  ];
};

/** Calibration draws of one model by several methods, for two numbers of drawn items, beside UNCURL's own draws. */
const luck = async ({ document }: Sample): Promise<readonly string[]> => {
  const recorded = await recordedResults('luck');
  const drawn = luckPoints(recorded).filter(({ method }) => method === 'uncurl');
  const isDrawn = (one: PointOverDraws): boolean =>
    drawn.some(({ model, task, factor }) => one.model === model && one.task === task && one.factor === factor);
  const own = pointsOverDraws(document).filter((one) => one.method === 'uncurl' && isDrawn(one));
  const deviations = own.map(({ results, value }) =>
    Math.sqrt(
      results.reduce((sum, result) => sum + (result.value - (value?.mean ?? Number.NaN)) ** 2, 0) /
        (results.length - 1),
    ),
  );
  const mean = deviations.reduce((sum, deviation) => sum + deviation, 0) / deviations.length;
  const agreeing = own.filter(({ results }) => new Set(results.map(({ verdict }) => verdict)).size === 1).length;
  // At the factors that the record has, as for the calibration draws.
  const factors = [...new Set(drawn.map(({ factor }) => factor))].sort((one, other) => one - other);
  const reached = (results: readonly (SweepResult | undefined)[]): number => {
    const end = results.findIndex((result) => result?.verdict !== 'safe');
    return end === -1 ? results.length : end;
  };
  const joint = [...Map.groupBy(own, ({ model, task }) => JSON.stringify([model, task])).values()];
  const moved = joint.filter((ofTask) => {
    const seeds = [...new Set(ofTask.flatMap(({ results }) => results.map(({ seed }) => seed)))];
    const curves = seeds.map((seed) =>
      reached(
        factors.map((factor) =>
          ofTask.find((one) => one.factor === factor)?.results.find((result) => result.seed === seed),
        ),
      ),
    );
    return new Set(curves).size > 1;
  }).length;
  return items([
    ...luckSentences(recorded),
    `For comparison: the ${String(own[0]?.results.length ?? 0)} draws of UNCURL itself (its starts of k-means, all ` +
      `items) move the same ${String(own.length)} points of the sample by ${points(mean)} points in the mean; ` +
      `${agreeing} of these have the same verdict in every draw, and ${moved} of ${joint.length} thresholds ` +
      'differ in some draw.',
  ]);
};

/** Plans on tasks that they were not made for: two models at their first factors, and how many are safe everywhere. */
const elsewhere = async (): Promise<readonly string[]> => {
  const readings = await recordedReadings('elsewhere');
  const document = await recordedResults('elsewhere');
  const summaries = await Promise.all(
    readings.map(async (reading) => {
      const named = namesWith(readings, reading);
      const own = await recordedResults('elsewhere', reading.run);
      return elsewhereSummaries(own, DEFAULT_DELTA).map((summary) => ({ ...summary, model: named(summary.model) }));
    }),
  );
  const isSafe = ({ lastSafe }: Pick<Threshold, 'lastSafe'>): boolean => (lastSafe ?? 1) > 1;
  const { thresholds, together = [] } = document;
  const everywhere = thresholds.flatMap((threshold) => threshold.everywhere ?? []);
  return items([
    ...summaries
      .flat()
      .filter(({ factor }) => factor <= 4)
      .map((summary) => summarySentence(summary, DEFAULT_DELTA)),
    `Of ${thresholds.length} rows of plans for one task, ${thresholds.filter(isSafe).length} are safe on their own ` +
      `task at factor 2 or more, and ${everywhere.filter(isSafe).length} on all ${everywhere[0]?.tasks ?? 0} tasks; ` +
      `of ${together.length} rows of plans for all tasks at once, ${together.filter(isSafe).length} are safe on all ` +
      'of them.',
  ]);
};

/** Families and the architectures of llama.cpp, or why there is none. */
const ggufFamilies = (): readonly string[] =>
  table(
    ['family', 'llama.cpp architecture'],
    families.map(({ modelType }) => {
      const architecture = llamaArchitectures.get(modelType);
      return architecture === undefined
        ? [`\`${modelType}\``, `refused: ${familyReasons.get(modelType) ?? ''}`]
        : [`\`${modelType}\``, `\`${architecture.name}\``];
    }),
  );

/** What the tests prove of each family. */
const provenFamiliesTable = async (): Promise<readonly string[]> =>
  table(
    [
      ...['`model_type`', 'config as released', 'keys changed one by one', 'referee', 'experts stored', 'llama.cpp'],
      'time of transformers',
    ],
    await provenFamilies(),
  );

/** The pairs of models that one rule chooses, by name. */
const pairNames = (pairs: readonly Pick<FrontierPair, 'quantised' | 'pruned'>[]): string =>
  JSON.stringify(pairs.map(({ quantised, pruned }) => [pointNameKey(quantised.result), pointNameKey(pruned.result)]));

/** The model whose gates the second run of a record measures otherwise. */
const GATED = 'switch-64';

/** Names of models where a record has two readings of the gates of one. */
const namesWith =
  (readings: readonly RecordedReading[], { gates: own }: RecordedReading) =>
  (model: string): string =>
    model === GATED && readings.length > 1 ? `${model} (gates ${own})` : model;

interface FrontierRecord {
  readonly points: readonly FrontierPoint[];
  readonly pairs: readonly FrontierPair[];
}

/** The frontier's record, by reading of the gates: its p-values hold together within one. */
const frontierRecords = async (): Promise<readonly FrontierRecord[]> => {
  const readings = await recordedReadings('frontier');
  return Promise.all(
    readings.map(async (reading) => {
      const named = namesWith(readings, reading);
      const { points: measured, pairs } = (await recordedJson(
        'frontier',
        'frontier.json',
        reading.run,
      )) as FrontierRecord;
      const renamed = <P extends { readonly result: SweepResult }>(point: P): P => ({
        ...point,
        result: { ...point.result, model: named(point.result.model) },
      });
      return {
        points: measured.map(renamed),
        pairs: pairs.map((pair) => ({
          ...pair,
          quantised: renamed(pair.quantised),
          pruned: renamed(pair.pruned),
        })),
      };
    }),
  );
};

/**
 * Pruned against quantised models: mean differences and how the pairs came out, by model, kind of answers and type.
 * Throws where the record's pairs are not those that its points give.
 */
const frontier = async (): Promise<readonly string[]> => {
  const records = await frontierRecords();
  for (const { points, pairs } of records)
    if (pairNames(fittingPairs(points)) !== pairNames(pairs)) throw new Error('the frontier’s record has other pairs');
  const methods = [
    ...new Set(records.flatMap(({ pairs }) => pairs.map(({ pruned }) => weightsOfLabel(pruned.result.method).bare))),
  ];
  return table(
    [
      ...['model', 'answers', 'whole at', 'bytes', 'pruned'],
      ...methods.map((method) => `${methodTitle(method)}: pruned − whole, points`),
      ...['whole better', 'pruned better', 'no difference'],
    ],
    records.flatMap(({ pairs }) => frontierRows(pairs, methods)),
  );
};

/** A row for each model, kind of answers and type of the whole model. */
const frontierRows = (pairs: readonly FrontierPair[], methods: readonly string[]): readonly (readonly string[])[] => {
  const summaries = frontierSummaries(pairs);
  return groupBy(pairs, ({ quantised: { result, weights } }) => [result.model, answersOf(result), weights]).map(
    (own) => {
      const [first] = own;
      const { quantised, pruned } = first;
      const summary = summaries.find(
        ({ model, answers, weights }) =>
          model === quantised.result.model && answers === answersOf(quantised.result) && weights === quantised.weights,
      );
      if (summary === undefined) throw new Error('a group without a summary');
      const fits = new Set(
        own.map(
          ({ pruned: { result, weights } }) => `${formatFactor(result.factor)} at ${weights ?? 'stored weights'}`,
        ),
      );
      const means = methods.map((method) => {
        const differences = own
          .filter((pair) => weightsOfLabel(pair.pruned.result.method).bare === method)
          .map((pair) => pair.pruned.result.difference - pair.quantised.result.difference);
        const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
        return formatDifference(mean, pruned.result.metric);
      });
      return [
        quantised.result.model,
        answersOf(quantised.result),
        quantised.weights ?? '',
        formatRoughPercent(quantised.share),
        [...fits].join(', '),
        ...means,
        String(summary.quantisingBetter),
        String(summary.pruningBetter),
        String(summary.pairs - summary.quantisingBetter - summary.pruningBetter),
      ];
    },
  );
};

/** How the long answers of one model end as it is pruned: means over its tasks, by method and factor. */
const endings = async (): Promise<readonly string[]> => {
  const { results } = await recordedResults('endings');
  const average = (own: readonly SweepResult[], of: (result: SweepResult) => number | null | undefined): number =>
    own.reduce((sum, result) => sum + (of(result) ?? NaN), 0) / own.length;
  const groups = Map.groupBy(results, ({ method, factor }) => JSON.stringify([method, factor]));
  const rows = [...groups.values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const [ended, looped] = [
      average(own, (result) => result.endings?.ended),
      average(own, (result) => result.endings?.looped),
    ];
    const shares = [average(own, ({ value }) => value), ended, looped, 1 - ended - looped];
    const kl = average(own, ({ fidelity }) => fidelity?.kl.mean);
    const name = first.method === UNPRUNED ? 'unpruned' : methodTitle(first.method);
    return [
      {
        method: first.method,
        factor: first.factor,
        cells: [
          name,
          `x${first.factor.toFixed(2)}`.replace(/\.?0+$/, ''),
          ...shares.map((share) => `${points(share)} %`),
          kl.toFixed(3),
        ],
      },
    ];
  });
  const order = [UNPRUNED, 'frequency', 'reap'];
  rows.sort((one, other) => order.indexOf(one.method) - order.indexOf(other.method) || one.factor - other.factor);
  return table(
    ['method', 'factor', 'right', 'ended', 'looped', 'ran out', 'KL (nats)'],
    rows.map(({ cells }) => cells),
  );
};

/** How far right answers and endings are safe in that record, and the points where most texts loop. */
const endingThresholds = async (): Promise<readonly string[]> => {
  const { results, thresholds } = await recordedResults('endings');
  const reach = (one: Pick<Threshold, 'lastSafe' | 'verdict'> | undefined): string =>
    isNothingToLose(one?.verdict)
      ? 'nothing to lose'
      : (one?.lastSafe ?? 1) > 1
        ? `×${bareFactor(one?.lastSafe ?? 1)}`
        : 'none';
  const known = thresholds.flatMap((threshold) => (threshold.endings === undefined ? [] : [threshold]));
  const compared = known.filter(({ verdict }) => !isNothingToLose(verdict));
  const further = compared.filter(({ lastSafe, endings: own }) => (own?.lastSafe ?? 1) > (lastSafe ?? 1));
  const shorter = compared.filter(({ lastSafe, endings: own }) => (own?.lastSafe ?? 1) < (lastSafe ?? 1));
  const [most] = results.toSorted((one, other) => (other.endings?.looped ?? 0) - (one.endings?.looped ?? 0));
  if (most === undefined) throw new Error('no results');
  return items([
    `Largest safe factor of ${known.length} curves (right answers / ends as often): ` +
      `${known
        .map(
          (threshold) =>
            `${threshold.task} by ${methodTitle(threshold.method)} ${reach(threshold)} / ${reach(threshold.endings)}`,
        )
        .join('; ')}.`,
    `Texts end as often further than they are right in ${further.length} of the ${compared.length} curves with ` +
      `something to lose, less far in ${shorter.length}.`,
    `Most loops: ${most.task} by ${methodTitle(most.method)} at ×${bareFactor(most.factor)}, where ` +
      `${points(most.endings?.looped ?? NaN)} % of the texts loop.`,
  ]);
};

/** Points of the frontier's record with the weights as stored. */
const frontierResults = async (): Promise<readonly SweepResult[]> =>
  (await frontierRecords())
    .flatMap(({ points }) => points)
    .filter(({ weights }) => weights === null)
    .map(({ result }) => result);

/** Points of every reading of the record of forecasts. */
const forecastResults = async (): Promise<readonly SweepResult[]> => {
  const readings = await recordedReadings('forecast');
  const results = await Promise.all(
    readings.map(async (reading) => {
      const named = namesWith(readings, reading);
      const own = (await recordedResults('forecast', reading.run)).results;
      return own.map((result) => ({ ...result, model: named(result.model) }));
    }),
  );
  return results.flat();
};

/**
 * Chosen points with fidelity where it was measured, beside the written ones of the same plans. Of a model with two
 * readings of its gates both, under names of their own.
 */
const forecastCurves = async ({ document }: Sample): Promise<readonly Curve[]> =>
  curvesOf([
    ...document.results,
    ...(await frontierResults()),
    ...(await forecastResults()).filter(({ method }) => method !== UNPRUNED),
  ]);

/** Frequency minus REAP by gates: mean accuracy over tasks, of the chosen answers and of the written ones. */
const gatesMethods = async (): Promise<readonly string[]> => {
  const readings = await recordedReadings('forecast');
  const results = [...(await forecastResults()), ...(await frontierResults()).filter(isWritten)];
  const mean = (own: readonly SweepResult[]): number => own.reduce((sum, { value }) => sum + value, 0) / own.length;
  const rows = readings.flatMap((reading) =>
    KINDS.flatMap((kind) => {
      const own = results.filter(
        (result) => result.model === namesWith(readings, reading)(GATED) && answersOf(result) === kind,
      );
      const factors = [...new Set(own.map(({ factor }) => factor))].filter((factor) => factor > 1);
      return factors
        .sort((one, other) => one - other)
        .map((factor) => {
          const of = (method: string): readonly SweepResult[] =>
            own.filter((result) => result.method === method && result.factor === factor);
          const [frequency, reap] = [of('frequency'), of('reap')];
          const difference = pairedOverTasks(frequency, reap);
          return [
            ...[reading.gates, kind, formatFactor(factor), points(mean(frequency)), points(mean(reap))],
            `${points(difference.mean)} ${interval(difference)}`,
          ];
        });
    }),
  );
  return table(['gates', 'answers', 'factor', 'frequency', 'REAP', 'frequency − REAP'], rows);
};

const isWritten = (result: SweepResult): boolean => answersOf(result) === 'written';

/** The mean difference of values over tasks, with its 95 % interval by Student's t of the tasks. */
const pairedOverTasks = (one: readonly SweepResult[], other: readonly SweepResult[]) => {
  const units = one.map((result) => {
    const twin = other.find(({ task }) => task === result.task);
    return { sum: result.value - (twin?.value ?? Number.NaN), count: 1 };
  });
  const found = ratioInterval(units);
  if (found === undefined) throw new Error('fewer than two tasks');
  return found;
};

/** The experiment's pruned arms by gates: mean accuracy over sizes, draws and tasks, as deleted and folded. */
const gatesExperiment = async (): Promise<readonly string[]> => {
  const { record } = await recordedExperiment();
  const pruned = record.arms.filter(({ method }) => method !== null);
  const readings = ([null, 'folded'] as const).filter((gates) => pruned.some((arm) => arm.gates === gates));
  const mean = (own: typeof pruned): number => own.reduce((sum, { right }) => sum + accuracyOf(right), 0) / own.length;
  const rows = record.settings.treatments.flatMap((treatment) =>
    KINDS.flatMap((kind) => {
      const own = pruned.filter(
        (arm) => arm.treatment === treatment && arm.task.endsWith(TWIN_SUFFIX) === (kind === 'written'),
      );
      const factors = [...new Set(own.map(({ experts, kept }) => experts / kept))].sort((a, b) => a - b);
      return factors.map((factor) => {
        const values = readings.map((gates) =>
          mean(own.filter((arm) => arm.gates === gates && arm.experts / arm.kept === factor)),
        );
        const [deleted = Number.NaN, folded] = values;
        return [
          ...[treatmentTitles[treatment], kind, formatFactor(factor), ...values.map(points)],
          ...(folded === undefined ? [] : [points(folded - deleted)]),
        ];
      });
    }),
  );
  const heads = readings.map((gates) => gates ?? 'as deleted');
  return table(['arms', 'answers', 'factor', ...heads, ...(heads.length > 1 ? ['difference'] : [])], rows);
};

/** Rank correlation, within a task and method, of measures at factor 2 with how far written answers are safe. */
const forecastRanks = async (sample: Sample): Promise<readonly string[]> => {
  const curves = (await forecastCurves(sample)).filter(({ method }) => ['frequency', 'reap'].includes(method));
  const common = onCommonFactors(curves);
  const text = (found: { readonly mean: number; readonly low: number; readonly high: number } | null): string =>
    found === null ? '' : `${found.mean.toFixed(2)} [${found.low.toFixed(2)}, ${Math.min(1, found.high).toFixed(2)}]`;
  return table(
    [
      'measure at factor 2',
      'mean rank correlation [95 %]',
      'minus that of accuracy',
      'at common factors alone',
      'minus that of accuracy',
      'tasks and methods that have one',
    ],
    Object.values(measures).map((measure) => {
      const { groups, of, interval: found } = rankCorrelation(curves, measure, 2);
      const cells = [curves, common].flatMap((own) => {
        const gain = rankGain(own, measure, measures.difference, 2);
        return [text(rankCorrelation(own, measure, 2).interval), measure === measures.difference ? '' : text(gain)];
      });
      return [measure.name, text(found), ...cells.slice(1), `${groups} of ${of}`];
    }),
  );
};

/** Rules on chosen answers against written ones: on the models that their cuts were found on, and on another family. */
const forecastRules = async (sample: Sample): Promise<readonly string[]> => {
  const curves = await forecastCurves(sample);
  const { answerLoss, kl } = measures;
  const withKl = [safeByChoice, below(answerLoss, 0.1), below(answerLoss, 0.03), below(kl, 0.03)];
  const isScored = ({ method }: Curve): boolean => ['frequency', 'reap'].includes(method);
  // All rules are held against the same points.
  const scored = curves.filter(isScored).map((curve) => ({
    ...curve,
    pairs: curve.pairs.filter(({ chosen }) => chosen.fidelity !== undefined),
  }));
  const sets = [
    {
      name: 'uncurl-*, frequency and REAP',
      own: scored.filter(({ model }) => model.startsWith('uncurl-')),
      rules: withKl,
    },
    {
      name: 'uncurl-*, UNCURL and random (five draws each)',
      own: curves.filter((curve) => !isScored(curve) && curve.model.startsWith('uncurl-')),
      rules: withKl.slice(0, 3),
    },
    ...[...new Set(scored.map(({ model }) => model))]
      .filter((model) => model.startsWith(GATED))
      .map((name) => ({
        name: `${name}, frequency and REAP`,
        own: scored.filter(({ model }) => model === name),
        rules: withKl,
      })),
  ];
  return table(
    [
      'plans',
      'rule',
      'curves',
      'threshold too far',
      'equal',
      'too short',
      'points called safe',
      'of them not safe written',
    ],
    sets.flatMap(({ name, own, rules }) =>
      rules.map((rule, index) => {
        const counts = ruleCounts(own, rule);
        const { curves: all, tooFar, tooFarShare, same, tooShort, called, notSafe, notSafeShare } = counts;
        const numbers = [same, tooShort, called].map(String);
        const [equal = '', short = '', safe = ''] = numbers;
        const shares = [`${tooFar}: ${tooFarShare}`, `${notSafe}: ${notSafeShare}`] as const;
        return [index === 0 ? name : '', rule.name, String(all), shares[0], equal, short, safe, shares[1]];
      }),
    ),
  );
};

/** Curves of every record that was measured both ways. */
export const forecastRecordCurves = async (): Promise<readonly ForetoldCurve[]> =>
  foretoldCurves((await recordedResults('sample')).results, [
    ...(await frontierResults()),
    ...(await forecastResults()),
  ]);

/** The forecast of written answers from 50 chosen items, each task by a cut that was learned without it. */
const forecastRates = async (): Promise<readonly string[]> => {
  const curves = await forecastRecordCurves();
  const own = curves.filter(({ model }) => model.startsWith('uncurl-'));
  const gated = curves.filter(({ model }) => model.startsWith(GATED));
  const rows = [
    { about: 'all', tested: curves, by: 'all', known: curves },
    { about: 'uncurl-*', tested: own, by: 'all', known: curves },
    { about: `${GATED}, both gates`, tested: gated, by: 'all', known: curves },
    { about: 'uncurl-*', tested: own, by: GATED, known: gated },
    { about: `${GATED}, both gates`, tested: gated, by: 'uncurl-*', known: own },
  ];
  return table(
    [
      ...['curves of', 'cut learned on other tasks of', 'curves', 'right', 'too far', 'too short', 'no factor is safe'],
      ...['called safe', 'of them not safe', 'called not safe', 'of them safe'],
    ],
    rows.map(({ about, tested, by, known }) => {
      const { right, tooFar, tooShort, safeCalls, notSafe, otherCalls, safeAnyway } = heldOutCounts(tested, known);
      const never = tested.filter(({ points: [first] }) => first?.isSafeWritten !== true).length;
      const counts = [right, tooFar, tooShort].map((count) => count.toFixed(1));
      const calls = [safeCalls, notSafe, otherCalls, safeAnyway].map((count) => count.toFixed(1));
      return [about, by, String(tested.length), ...counts, String(never), ...calls];
    }),
  );
};

/** How many trend tests were made, and the smallest p after Bonferroni. */
const trendTests = ({ trend }: Sample): readonly string[] => {
  const tests = trend.findings.filter(({ chart, method }) => chart === 'threshold-over-experts' && method !== null);
  const ps = tests.flatMap(({ p }) => p ?? []);
  const least = Math.min(...ps);
  return [
    `${tests.length} such trends were looked at (methods and kinds of answers), ${ps.length} of which have a ` +
      `direction to test. The smallest p is ${least.toFixed(4)} (in ${ps.filter((p) => p === least).length} of ` +
      `them); by Bonferroni over all ${tests.length} it is ${Math.min(1, least * tests.length).toFixed(3)}.`,
  ];
};

/** In how many pairs of cells writing loses more than choosing, by task. */
const experimentWriting = async (): Promise<readonly string[]> => {
  const { answers, record } = await recordedExperiment();
  const cells = answers
    .filter(({ question }) => question === 'scratch')
    .flatMap((answered) => answered.cells)
    .filter(({ treatment }) => treatment === 'tuned');
  const tasks = record.tasks.map(({ name }) => name).filter((name) => !name.endsWith(TWIN_SUFFIX));
  const counts = tasks.map((task) => {
    const pairs = cells
      .filter((cell) => cell.task === task)
      .flatMap((chosen) => {
        const twin = cells.find(
          ({ task: name, experts, kept, gates }) =>
            name === `${task}${TWIN_SUFFIX}` &&
            experts === chosen.experts &&
            kept === chosen.kept &&
            gates === chosen.gates,
        );
        return twin === undefined ? [] : [{ chosen, twin }];
      });
    const more = pairs.filter(({ chosen, twin }) => twin.difference < chosen.difference).length;
    return `${task} in ${more} of ${pairs.length}`;
  });
  return [`Fine-tuned and against scratch, the loss is larger in writing than by choice on ${counts.join(', on ')}.`];
};

/** The chance that a positive has a larger value than another; equal ones count half. */
const areaUnderCurve = (all: readonly { readonly value: number; readonly isPositive: boolean }[]): number => {
  const [positives, others] = [all.filter((one) => one.isPositive), all.filter((one) => !one.isPositive)];
  const won = positives.flatMap(({ value }) =>
    others.map((other): number => (value > other.value ? 1 : value === other.value ? 0.5 : 0)),
  );
  return won.reduce((sum, one) => sum + one, 0) / won.length;
};

/** The cut of the answer loss on the model where it was not found, with folded gates. */
const answerLossElsewhere = async (sample: Sample): Promise<readonly string[]> => {
  const pairs = (await forecastCurves(sample))
    .filter(({ model, method }) => model === `${GATED} (gates folded)` && ['frequency', 'reap'].includes(method))
    .flatMap(({ pairs: own }) => own)
    .filter(({ chosen }) => chosen.factor > 1 && chosen.verdict === 'safe' && chosen.fidelity !== undefined);
  const isAbove = ({ chosen }: (typeof pairs)[number]): boolean => (chosen.answerLoss?.mean ?? 0) >= TELLING_LOSS.nats;
  const unsafe = (own: typeof pairs): string =>
    `${own.filter(({ written }) => written.verdict !== 'safe').length} of ${own.length}`;
  return [
    `On \`${GATED}\`, where the cut was not found, with folded gates: unsafe in ${unsafe(pairs.filter(isAbove))} ` +
      `points, and below it in ${unsafe(pairs.filter((pair) => !isAbove(pair)))}.`,
  ];
};

/** The answer loss of points that are safe by choice, against the written verdict of the same plans. */
const answerLoss = ({ document: { results } }: Sample): readonly string[] => {
  const byName = new Map(results.map((result) => [pointNameKey(result), result]));
  const pairs = results.flatMap((chosen) => {
    const written = byName.get(pointNameKey({ ...chosen, task: `${chosen.task}${TWIN_SUFFIX}` }));
    const isSafe = chosen.factor > 1 && chosen.verdict === 'safe' && chosen.answerLoss !== undefined;
    return isSafe && written !== undefined ? [{ chosen, written, isUnsafe: written.verdict !== 'safe' }] : [];
  });
  const cells = (of: typeof pairs): number =>
    new Set(of.map(({ chosen }) => pointNameKey({ ...chosen, seed: null }))).size;
  const tasks = (of: typeof pairs): number => new Set(of.map(({ chosen: { task } }) => task)).size;
  const isAbove = ({ chosen }: (typeof pairs)[number]): boolean => (chosen.answerLoss?.mean ?? 0) >= TELLING_LOSS.nats;
  const [above, below_] = [pairs.filter(isAbove), pairs.filter((pair) => !isAbove(pair))];
  const unsafe = (of: typeof pairs): number => of.filter(({ isUnsafe }) => isUnsafe).length;
  const area = ({ of }: (typeof measures)[keyof typeof measures]): string =>
    areaUnderCurve(pairs.map((pair) => ({ value: of(pair) ?? Number.NaN, isPositive: pair.isUnsafe }))).toFixed(2);
  return [
    `Among the points of the sample that are safe by choice, the answer loss tells which are unsafe when written ` +
      `with an area under the ROC curve of ${area(measures.answerLoss)}, the loss of accuracy with ` +
      `${area(measures.difference)}.`,
    '',
    `On the sample, ${pairs.length} points are safe by choice (${cells(pairs)} distinct cells of model, task, method ` +
      `and factor; the others are draws of the same cells). A loss of ${TELLING_LOSS.nats} nats or more was unsafe ` +
      `when written in ${unsafe(above)} of ${above.length} points (${cells(above)} cells); below it, in ` +
      `${unsafe(below_)} of ${below_.length} (${cells(below_)} cells on ${tasks(below_)} tasks; what is unsafe ` +
      `there are draws of ${cells(below_.filter(({ isUnsafe }) => isUnsafe))} cells).`,
  ];
};

const TABLES: Readonly<Record<string, (sample: Sample) => readonly string[] | Promise<readonly string[]>>> = {
  'first-result': firstResult,
  'short-finding': shortFinding,
  'safe-tasks': safeTasks,
  size,
  'both-kinds': bothKinds,
  'trend-tests': trendTests,
  'experiment-writing': experimentWriting,
  'answer-loss': answerLoss,
  'answer-loss-elsewhere': answerLossElsewhere,
  'threshold-trend': findings('threshold-over-experts', [null, 'frequency', 'reap']),
  'equal-share': findings('loss-over-share', ['frequency', 'reap', 'uncurl']),
  'against-scratch': findings('pruned-against-scratch', [null, 'frequency']),
  elsewhere,
  endings,
  'ending-thresholds': endingThresholds,
  'forecast-ranks': forecastRanks,
  'forecast-rates': forecastRates,
  'forecast-rules': forecastRules,
  frontier,
  gates: () => gatesIn('answers.jsonl'),
  'gates-trainings': () => gatesIn('trainings.jsonl'),
  'gates-ghosts': gatesGhosts,
  'gates-methods': gatesMethods,
  'gates-experiment': gatesExperiment,
  luck,
  'luck-together': luckTogether,
  experiment,
  'experiment-signs': experimentSigns,
  'experiment-reading': experimentReading,
  'experiment-findings': experimentFindings,
  curtailment,
  'fit-bench': recordedFitBench,
  'simulated-texts': simulatedTexts,
  'simulated-selection': simulatedSelection,
  'simulated-losses': simulatedLosses,
  'sweep-settings': settings(describedSweepSettings),
  'plan-settings': settings(describedPlanSettings),
  'experiment-settings': settings(describedExperimentSettings),
  'training-settings': settings(finetuneSettings),
  'cluster-settings': settings(clusterRequest),
  'published-sizes': publishedSizes,
  'gguf-families': ggufFamilies,
  'proven-families': provenFamiliesTable,
};

const BLOCK = /<!-- table: ([\w-]+) -->\n([\s\S]*?)<!-- end -->/g;

export interface RecordedPage {
  /** Relative to the project's root. */
  readonly file: string;
  readonly stands: string;
  readonly computed: string;
  /** Names of the quoted blocks. */
  readonly tables: readonly string[];
}

const PAGES = [
  'README.md',
  ...[
    'best-fit',
    'exports',
    'families',
    'finding',
    'gates',
    'paper-experiment',
    'searching',
    'settings',
    'verdicts',
    'weights',
  ].map((name) => `resources/docs/${name}.md`),
];

/** All pages that quote a record, in their current and their computed form. */
export const recordedPages = async (): Promise<readonly RecordedPage[]> => {
  const sample = await recordedSample();
  const blocks = new Map<string, string>();
  for (const [name, compute] of Object.entries(TABLES)) blocks.set(name, (await compute(sample)).join('\n'));
  return Promise.all(
    PAGES.map(async (file) => {
      const stands = await readFile(path.join(root, file), 'utf8');
      const tables = [...stands.matchAll(BLOCK)].map(([, name = '']) => name);
      const computed = stands.replace(BLOCK, (_, name: string) => {
        const block = blocks.get(name);
        if (block === undefined) throw new Error(`${file} quotes a table that is not recorded: ${name}`);
        return `<!-- table: ${name} -->\n\n${block}\n\n<!-- end -->`;
      });
      return { file, stands, computed, tables };
    }),
  );
};

export const recordedTables = Object.keys(TABLES);

/** Writes the answers that come with the sample; returns whether they changed. */
const writeShippedAnswers = async (): Promise<boolean> => {
  const { answers } = await recordedSample();
  const folder = shippedFolder(resources);
  await mkdir(folder, { recursive: true });
  const stand = await readShippedAnswers();
  const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS };
  for (const [name, text] of answers)
    if (stand.get(name) !== text) await writeFile(path.join(folder, name), brotliCompressSync(text, { params }));
  for (const name of stand.keys()) if (!answers.has(name)) await rm(path.join(folder, name));
  return [...answers].some(([name, text]) => stand.get(name) !== text);
};

if (process.argv[2] === '--write') {
  const isAnew = await writeBundledRecords();
  process.stdout.write(`main/workspace/bundled-records.ts: ${isAnew ? 'written anew' : 'as recorded'}\n`);
  const isOther = await writeShippedAnswers();
  process.stdout.write(`resources/sample/answers: ${isOther ? 'written anew' : 'as recorded'}\n`);
  for (const { file, stands, computed } of await recordedPages())
    if (stands !== computed) {
      await writeFile(path.join(root, file), computed);
      process.stdout.write(`${file}: written anew\n`);
    } else process.stdout.write(`${file}: as recorded\n`);
}
