import { methodOfLabel } from '../contract/method.ts';
import type { RunManifest } from '../contract/run.ts';
import { equivalentCommand, shownManifest } from '../words/equivalent-command.ts';
import { changedSettings, valueText } from '../contract/setting.ts';
import { describedSweepSettings, sweepSettings, type SweepDocument, type SweepSettings } from '../contract/sweep.ts';
import { ownTasks } from '../figures/best-cell.ts';
import { profileMetrics } from '../figures/profile-matrices.ts';
import { methods } from '../pruning/methods.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { deviceName, precisionText } from '../words/devices.ts';
import { methodInProse } from '../words/methods.ts';
import { bareFactor, counted, listed } from '../words/numbers.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { transformersWords } from '../words/transformers-check.ts';
import { checkNotes } from '../words/verdicts.ts';
import { html, type HtmlNode, reportTable } from './html.ts';
import { namesOf, type ReportSource } from './report-source.ts';

type Definition = readonly [term: string, text: string];

const measured: readonly Definition[] = [
  [
    'Expert, E, top-k',
    'A feed-forward block of a sparse mixture layer. E: experts per layer before pruning; the router sends ' +
      'each token to k of them.',
  ],
  [
    'Pruning factor',
    'Experts before / experts after, per layer: E / E\u2032. A factor of 2 keeps half. Never below top-k experts.',
  ],
  [
    'Dropped share',
    'The share of the unpruned model\u2019s routed choices, over all MoE layers and all tokens of the calibration ' +
      'items, whose expert the plan drops. For a merge: whose expert merges into another one (all members of a group ' +
      'but its reference), which is the most that may be lost. Empty without a profile.',
  ],
  [
    'Accuracy',
    'Share of test items whose right answer has the highest log-likelihood of all choices: summed over its ' +
      'tokens (acc), or divided by its characters (acc_norm).',
  ],
  ['Exact match', 'Share of items for which the model\u2019s text, filtered as the task says, equals a right answer.'],
  ['Perplexity', 'exp of the mean negative log-likelihood per token; lower is better.'],
  ['n', 'Test items. Calibration items, from which profiles and plans are made, are never among them.'],
  ['Difference', 'Value of the pruned model minus value of the unpruned one, on the same items.'],
  [
    '95 % interval',
    'Of the difference, two-sided, paired: Tango\u2019s score interval for paired proportions (1998), at the ' +
      'critical score of the exact test; for ' +
      'perplexity a paired bootstrap over texts (2,000 resamples, seeded).',
  ],
  [
    'p',
    'Two-sided exact McNemar test: the chance of so uneven a split of lost and gained items if pruning ' +
      'changed nothing. Not corrected for the number of tests.',
  ],
  ['Lost, gained', 'Items that only the unpruned model, or only the pruned model, answers rightly.'],
  [
    'Several draws',
    'A method whose plans depend on a seed is measured with each seed. Curves show mean and range, each draw has an ' +
      'interval of its own, and a factor is safe only if it is safe in every draw.',
  ],
];

const ofSizes: readonly Definition[] = [
  [
    'Rises with E',
    'A task counts as rising if more pairs of models that differ in E have the larger model\u2019s bracket ' +
      'entirely above the smaller one\u2019s than entirely below it. Brackets that overlap take no side, nor ' +
      'does a smaller model that is safe as far as it was pruned, since its threshold may be higher.',
  ],
  [
    'Ways to assign the sizes',
    'A permutation test over whole models, within each series of trainings (Jonckheere\u2019s statistic summed over ' +
      'tasks): it asks whether a trend could be chance in training. Tasks do not count as repeats, because all tasks ' +
      'of a model share the luck of its training. One training of four sizes cannot rule chance out: p is at least ' +
      '0.083.',
  ],
  [
    'Past the threshold',
    'The factor from E to E\u2032 is at or beyond the first one that is not safe for the larger model, by this task ' +
      'and method.',
  ],
];

const list = (definitions: readonly Definition[]): HtmlNode =>
  html(
    'dl',
    { class: 'definitions' },
    definitions.map(([term, text]) => html('div', {}, html('dt', {}, term), html('dd', {}, text))),
  );

const methodDefinitions = (names: readonly string[]): Definition[] =>
  [...new Set(names.map((name) => methodOfLabel(name).method))].flatMap((method): Definition[] => {
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

/** Definitions of numbers that only some sweeps have. */
const definitionsOf = ({ results, elsewhere, calibrationDraws }: SweepDocument): readonly Definition[] => {
  const entries: readonly (readonly [isMeasured: boolean, title: string, text: string])[] = [
    [
      results.some(({ answerLoss }) => answerLoss !== undefined),
      'Answer loss',
      'Log-probability (nats) that the right choice loses by pruning, mean over items with its 95 % interval ' +
        '(Student\u2019s t over items, or over the passages that they share).',
    ],
    [
      results.some(({ endings }) => endings !== undefined),
      'Ended, looped',
      'A written text ends by a stop string or an end token; of the others, some loop (the end repeats a period ' +
        'of 1 to 64 tokens at least four times and over at least 32 tokens, or fewer than a tenth of the ' +
        'trigrams in its last 128 tokens are new), and the rest run out of tokens. \u201cEnds as often\u201d ' +
        'is the threshold of the same rule with \u201cended\u201d in place of \u201cright\u201d.',
    ],
    [
      results.some(({ fidelity }) => fidelity !== undefined),
      'KL, reverse KL, other token, acceptance',
      'How far the next-token distributions q of the pruned model are from those p of the unpruned one, mean ' +
        'over scored positions: \u03a3 p (log p \u2212 log q) in nats; the same with p and q exchanged; the ' +
        'share of positions with another likeliest token; \u03a3 min(p, q), the chance that p accepts a token ' +
        'that q proposes.',
    ],
    [
      elsewhere !== undefined,
      'Safe everywhere',
      'The largest factor such that plans made for a task are safe at it, and at every smaller measured factor, ' +
        'on every task of the sweep. Every task has to pass its own test. Tasks where the unpruned model is at ' +
        'chance do not count.',
    ],
    [
      calibrationDraws !== undefined,
      'Calibration draw',
      'The calibration items drawn again with replacement, and the plan made from them, measured on the same ' +
        'test items. Spread: standard deviation over draws. In common: share of the kept experts (of merges: of ' +
        'the merged pairs) of the plan of all items. Rank correlation: Spearman\u2019s, of the experts\u2019 ' +
        'scores with those of all items, mean over layers.',
    ],
  ];
  return entries.flatMap(([isMeasured, title, text]): Definition[] => (isMeasured ? [[title, text]] : []));
};

/** Defines every number of the page: measurements, the threshold rule, methods, routing statistics. */
export const definitionSection = ({ document, sizeTrend, profiles }: ReportSource): HtmlNode[] => [
  html('h3', {}, 'Measurements'),
  list([
    ...measured,
    ...definitionsOf(document),
    ['Safe, threshold', sizeTrend.rule],
    ...(sizeTrend.trends.length > 0 ? ofSizes : []),
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
    html(
      'details',
      {},
      html('summary', {}, 'The manifest, with its command made from its settings'),
      html('pre', {}, JSON.stringify(shownManifest(manifest), null, 2)),
    ),
  ];
};

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

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
  const unfinished =
    manifest.state === 'done'
      ? []
      : [
          html(
            'p',
            { class: 'notice' },
            `This sweep is not finished (${manifest.state}): the page shows what was measured so far.`,
          ),
        ];
  return html(
    'header',
    {},
    html('p', { class: 'eyebrow' }, 'Uncurl Workbench \u00b7 sweep report'),
    html('h1', {}, manifest.title),
    html('p', { class: 'lead' }, question(source)),
    unfinished,
    checkNotes(document).map((note) => html('p', { class: 'notice' }, note)),
  );
};
