import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument, SweepResult, Threshold, Verdict } from '../contract/sweep.ts';
import { csvFile, type Cell } from './csv.ts';

type Columns<T> = readonly (readonly [name: string, value: (row: T) => Cell])[];

const resultColumns: Columns<SweepResult> = [
  ['model', ({ model }) => model],
  ['task', ({ task }) => task],
  ['method', ({ method }) => method],
  ['seed', ({ seed }) => seed],
  ['factor', ({ factor }) => factor],
  ['kept', ({ kept }) => kept],
  ['n', ({ n }) => n],
  ['metric', ({ metric }) => metric],
  ['value', ({ value }) => value],
  ['acc', ({ acc }) => acc],
  ['acc_norm', ({ accNorm }) => accNorm],
  ['perplexity', ({ perplexity }) => perplexity],
  ['difference', ({ difference }) => difference],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['low_one_sided', ({ lowOneSided }) => lowOneSided],
  ['p', ({ p }) => p],
  ['lost', ({ lost }) => lost],
  ['gained', ({ gained }) => gained],
  ['truncated', ({ truncated }) => truncated],
];

const thresholdColumns: Columns<Threshold> = [
  ['model', ({ model }) => model],
  ['task', ({ task }) => task],
  ['method', ({ method }) => method],
  ['seed', ({ seed }) => seed],
  ['factor', ({ factor }) => factor],
  ['last_safe', ({ lastSafe }) => lastSafe],
  ['first_unsafe', ({ firstUnsafe }) => firstUnsafe],
  ['delta', ({ delta }) => delta],
  ['n', ({ n }) => n],
  ['verdict', ({ verdict }) => verdict],
];

const table = <T>(manifest: RunManifest, columns: Columns<T>, rows: readonly T[]): string =>
  csvFile(
    manifest,
    columns.map(([name]) => name),
    rows.map((row) => columns.map(([, value]) => value(row))),
  );

/** Every number of a sweep, one candidate on one task per line. */
export const resultsCsv = (document: SweepDocument, manifest: RunManifest): string =>
  table(manifest, resultColumns, document.results);

export const thresholdsCsv = (document: SweepDocument, manifest: RunManifest): string =>
  table(manifest, thresholdColumns, document.thresholds);

const inWords: Readonly<Record<Verdict, string>> = {
  found: 'found',
  'all-safe': 'every tested factor is safe',
  'none-safe': 'no tested factor is safe',
  'cannot-tell': 'cannot tell: too few items',
};

/** At most three decimals: 16 / 13 -> 1.231. */
const factorText = (factor: number | null): string => (factor === null ? '' : String(Math.round(factor * 1000) / 1000));

const headline = ({ verdict, factor }: Threshold): string => {
  if (factor === null) return '?';
  return verdict === 'all-safe' ? `≥ ${factorText(factor)}` : factorText(factor);
};

const escapeMarkdown = (text: string): string => text.replace(/[\\|<>*_`[\]]/g, '\\$&').replace(/\s+/g, ' ');

/** The thresholds as a Markdown table, with the rule and the run below it. */
export const thresholdsMarkdown = (document: SweepDocument, manifest: RunManifest): string => {
  const titles = ['Model', 'Task', 'Method', 'Seed', 'Threshold', 'Last safe', 'First unsafe', 'n', 'Verdict'];
  const severalSeeds = new Set(document.thresholds.flatMap(({ method, seed }) => (seed === null ? [] : [method])));
  const rows = document.thresholds.map((threshold) => [
    escapeMarkdown(threshold.model),
    escapeMarkdown(threshold.task),
    escapeMarkdown(threshold.method),
    threshold.seed === null ? (severalSeeds.has(threshold.method) ? 'all' : '') : String(threshold.seed),
    headline(threshold),
    factorText(threshold.lastSafe),
    factorText(threshold.firstUnsafe),
    String(threshold.n),
    inWords[threshold.verdict],
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const alignment = titles.map((title) => (/^(Seed|Threshold|Last safe|First unsafe|n)$/.test(title) ? '---:' : '---'));
  return [
    `# Thresholds: ${escapeMarkdown(manifest.title)}`,
    '',
    line(titles),
    line(alignment),
    ...rows.map(line),
    '',
    document.rule,
    '',
    `Run \`${manifest.id}\`, ${manifest.createdAt}.`,
    '',
  ].join('\n');
};
