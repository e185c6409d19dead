import { distinct } from '../contract/distinct.ts';
import { methodOfLabel } from '../contract/method.ts';
import type { RunManifest } from '../contract/run.ts';
import { equivalentCommand, shownManifest } from '../words/equivalent-command.ts';
import { changedSettings, valueText } from '../contract/setting.ts';
import { metricName } from '../contract/task.ts';
import { describedSweepSettings, sweepSettings, type SweepDocument, type SweepSettings } from '../contract/sweep.ts';
import { ownTasks } from '../figures/best-cell.ts';
import { profileMetrics } from '../figures/profile-table.ts';
import { methods } from '../pruning/methods.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { deviceName, precisionText } from '../words/devices.ts';
import type { DefinitionText } from '../words/definitions/definition-text.ts';
import { modelsAndTasks } from '../words/definitions/models-and-tasks.ts';
import { results as words } from '../words/definitions/results.ts';
import { routingAndPlans } from '../words/definitions/routing-and-plans.ts';
import { methodInProse } from '../words/methods.ts';
import { bareFactor, counted, listed } from '../words/numbers.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { transformersWords } from '../words/referee.ts';
import { checkNotes } from '../words/verdicts.ts';
import { folded, html, type HtmlNode, reportTable, termList } from './html.ts';
import { pageHeader, unfinished } from './page.ts';
import { namesOf, type ReportSource } from './report-source.ts';

type Definition = readonly [term: string, text: string];

const defined = (definitions: readonly DefinitionText[]): readonly Definition[] =>
  definitions.map(({ term, text, formula }) => [term, formula === undefined ? text : `${text} Formula: ${formula}.`]);

const severalDraws: Definition = [
  'Several draws',
  'A method whose plans depend on a seed is measured with each seed. Curves show mean and range, each draw has an ' +
    'interval of its own, and a factor is safe only if it is safe in every draw.',
];

const list = (definitions: readonly Definition[]): HtmlNode => termList('definitions', definitions);

const methodDefinitions = (names: readonly string[]): Definition[] =>
  distinct(names.map((name) => methodOfLabel(name).method)).flatMap((method): Definition[] => {
    const known = methods.find(({ name }) => name === method);
    if (known === undefined) return [];
    const { title, summary, formula, source } = known;
    return [[`${known.name}: ${title}`, `${summary} ${formula}. ${source}`]];
  });

const recoveryDefinition: Definition = [
  'Recovered (+recovery)',
  'The same plan with the down projections of its experts refitted on the task\u2019s calibration items, ' +
    'layer by layer, by ridge regression on what the pruned block lacks of the unpruned one; the ridge is ' +
    'chosen by two-fold cross-validation. No training.',
];

/** Numbers that only some sweeps have. */
const someMeasured = ({ results, elsewhere, calibrationDraws }: SweepDocument): readonly DefinitionText[] => {
  const { answerLoss, ended, looped, endsAsOften, klToUnpruned, reverseKl, otherToken, acceptance } = words;
  const entries: readonly (readonly [isMeasured: boolean, ...definitions: readonly DefinitionText[]])[] = [
    [results.some((result) => result.answerLoss !== undefined), answerLoss],
    [results.some(({ endings }) => endings !== undefined), ended, looped, endsAsOften],
    [results.some(({ fidelity }) => fidelity !== undefined), klToUnpruned, reverseKl, otherToken, acceptance],
    [elsewhere !== undefined, words.everywhere],
    [calibrationDraws !== undefined, words.calibrationDraw, words.inCommon, words.rankCorrelation],
  ];
  return entries.flatMap(([isMeasured, ...definitions]) => (isMeasured ? definitions : []));
};

/** Defines every number of the page: measurements, the threshold rule, methods, routing statistics. */
export const definitionSection = ({ document, sizeTrend, profiles }: ReportSource): HtmlNode[] => [
  html('h3', {}, 'Measurements'),
  list([
    ...defined([
      modelsAndTasks.experts,
      modelsAndTasks.topK,
      routingAndPlans.factor,
      routingAndPlans.droppedShare,
      ...metricName.options
        .filter((name) => document.results.some(({ metric }) => metric === name))
        .map((name) => modelsAndTasks[name]),
      modelsAndTasks.items,
      words.pairedDifference,
      words.oneSidedEnds,
      words.mcnemar,
      words.lostGained,
    ]),
    severalDraws,
    ...defined(someMeasured(document)),
    ['Safe, threshold', sizeTrend.rule],
    ...(sizeTrend.trends.length > 0 ? defined([words.risesWithExperts, words.relabelling, words.pastThreshold]) : []),
  ]),
  html('h3', {}, 'Methods'),
  list([
    ...methodDefinitions(sizeTrend.methods),
    ...(sizeTrend.methods.some((name) => methodOfLabel(name).isRecovered) ? [recoveryDefinition] : []),
  ]),
  ...(profiles.length === 0
    ? []
    : [
        html('h3', {}, 'Routing statistics'),
        list(profileMetrics.map(({ title, unit }): Definition => [title, `${unit}.`])),
      ]),
];

const record = (entries: readonly (readonly [name: string, value: string])[]): HtmlNode =>
  html(
    'dl',
    { class: 'record' },
    entries.flatMap(([name, value]) => [html('dt', {}, name), html('dd', {}, html('code', {}, value))]),
  );

const sealedWords = ({ provenance }: RunManifest): string =>
  provenance === undefined
    ? 'not yet'
    : (provenanceHeading(provenance) ??
      (provenance.state === 'bundled'
        ? 'a record of the workbench, byte for byte'
        : 'by this user, with every file but the label, the log and the records of a cluster; unchanged since'));

/** Provenance of the numbers: models, tasks, versions, device, command, and the manifest. */
export const recordSection = (manifest: RunManifest): HtmlNode[] => {
  const { id, createdAt, finishedAt, state, device, versions, models, tasks } = manifest;
  return [
    record([
      ['run', id],
      ['sealed', sealedWords(manifest)],
      ['state', state],
      ['created', createdAt],
      ['finished', finishedAt ?? 'not yet'],
      ...[equivalentCommand(manifest) ?? []].flat().map((command) => ['command', command] as const),
      [
        'device',
        `${deviceName(device)}, ${precisionText(device)}, ${device.threads} ` +
          `${device.threads === 1 ? 'thread' : 'threads'}, ${device.processor}`,
      ],
      [
        'versions',
        Object.entries(versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
    ]),
    reportTable(
      'Models. A fingerprint is a short hash of configuration and weights. The SHA-256 is that of the list that ' +
        'sha256sum prints for all files that the numbers depend on.',
      [
        { title: 'model', cell: ({ name }) => name },
        { title: 'fingerprint', cell: ({ fingerprint }) => html('code', {}, fingerprint) },
        ...(models.some(({ commit }) => commit !== undefined)
          ? [{ title: 'commit', cell: ({ commit }: (typeof models)[number]) => html('code', {}, commit ?? 'none') }]
          : []),
        { title: 'referee', cell: ({ transformers }) => transformersWords(transformers ?? null) },
        { title: 'SHA-256', cell: ({ sha256 }) => (sha256 === undefined ? 'not recorded' : html('code', {}, sha256)) },
      ],
      models,
    ),
    reportTable(
      'Tasks. A hash is over the items of both splits.',
      [
        { title: 'task', cell: ({ name }) => name },
        { title: 'hash', cell: ({ hash }) => html('code', {}, hash) },
      ],
      tasks,
    ),
    folded(
      'The manifest, with its command made from its settings',
      html('pre', {}, JSON.stringify(shownManifest(manifest), null, 2)),
    ),
  ];
};

const question = ({ sizeTrend, document }: ReportSource): string => {
  const { delta, models, tasks, methods } = sizeTrend;
  const points = Math.round(delta * 1000) / 10;
  const metrics = distinct(document.results.map(({ metric }) => metric));
  const fall = [
    ...(metrics.some((metric) => metric !== 'perplexity' && metric !== 'ending')
      ? [`accuracy falls by more than ${points} percentage points`]
      : []),
    ...(metrics.includes('ending')
      ? [`the share of texts that end falls by more than ${points} percentage points`]
      : []),
    ...(metrics.includes('perplexity') ? [`log-perplexity rises by more than ${delta} nats per token`] : []),
  ].join(' or ');
  const subject =
    models.length === 1 ? `the experts of ${models[0]?.name ?? 'the model'}` : `the experts of ${models.length} models`;
  const over =
    models.length > 1 && sizeTrend.trends.length > 0
      ? ', and does that depend on how many experts a model was trained with'
      : '';
  return (
    `How far can ${subject} be pruned, task by task, before ${fall}${over}? ` +
    `Asked of ${tasks.length === 1 ? 'one task' : `${tasks.length} tasks`} with ` +
    `${methods.length === 1 ? 'the method' : 'the methods'} ${listed(methods.map(methodInProse))}.`
  );
};

/** Shown elsewhere: on lines of their own, or in the rule of the thresholds. */
const SHOWN_ELSEWHERE = ['budget', 'seeds', 'delta'];

const otherSettings = (settings: SweepSettings): readonly (readonly [label: string, value: string])[] =>
  changedSettings(describedSweepSettings, settings)
    .filter(({ setting: { name } }) => !SHOWN_ELSEWHERE.includes(name))
    .map(({ setting, value }) => {
      const { label } = setting;
      return [label.charAt(0).toUpperCase() + label.slice(1), valueText(setting, value)];
    });

/** "chosen on 9 tasks, written on 9". */
const kindsText = ({ tasks, written }: ReportSource['sizeTrend']): string =>
  [
    { kind: 'chosen', count: tasks.filter((task) => !written.includes(task)).length },
    { kind: 'written', count: written.length },
  ]
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${kind} on ${counted(count, 'task')}`)
    .join(', ');

/** Letters of a fact that gets two columns. */
const LONG_FACT = 60;

/** What was measured, in a few numbers. */
export const sweepFacts = ({ manifest, document, sizeTrend, titles }: ReportSource): HtmlNode => {
  const settings = sweepSettings.safeParse(manifest.spec);
  const items = document.results.filter(({ factor }) => factor === 1).map(({ n }) => n);
  const factors = distinct(document.results.map(({ factor }) => bareFactor(factor))).sort(
    (a, b) => Number(a) - Number(b),
  );
  const entries: readonly (readonly [string, string])[] = [
    ['Models', sizeTrend.models.map(({ name, experts }) => `${name} (E\u00a0=\u00a0${experts})`).join(', ')],
    ['Tasks', ownTasks(sizeTrend, sizeTrend.tasks).map(namesOf({ titles }).task).join(', ')],
    ...(sizeTrend.written.length === 0 ? [] : [['Answers', kindsText(sizeTrend)] as const]),
    ['Factors', factors.join(', ')],
    ['Test items per task', items.length === 0 ? 'none yet' : distinct([minOf(items), maxOf(items)]).join(' to ')],
    ...(settings.success
      ? ([
          ['Budget', settings.data.budget],
          ['Seeds of draws', settings.data.seeds.join(', ')],
          ...otherSettings(settings.data),
        ] as const)
      : []),
    ['Measured', manifest.createdAt.slice(0, 16).replace('T', ', ')],
  ];
  return html(
    'dl',
    { class: 'facts' },
    entries.map(([name, value]) =>
      html('div', value.length > LONG_FACT ? { class: 'long' } : {}, html('dt', {}, name), html('dd', {}, value)),
    ),
  );
};

/** Title and question. */
export const reportHeader = (source: ReportSource): HtmlNode => {
  const { manifest, document } = source;
  return pageHeader('sweep report', manifest.title, question(source), [
    ...unfinished(manifest, 'sweep'),
    ...checkNotes(document).map((note) => html('p', { class: 'notice' }, note)),
  ]);
};
