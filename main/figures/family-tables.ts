import type { FamilyDocument, FamilyPair, FamilyThreshold } from '../contract/family.ts';
import type { RunManifest } from '../contract/run.ts';
import { csvFile, type Cell } from './csv.ts';

type Columns<T> = readonly (readonly [name: string, value: (row: T) => Cell])[];

const thresholdColumns: Columns<FamilyThreshold> = [
  ['method', ({ method }) => method],
  ['task', ({ task }) => task],
  ['experts', ({ experts }) => experts],
  ['model', ({ model }) => model],
  ['factor', ({ factor }) => factor],
  ['last_safe', ({ lastSafe }) => lastSafe],
  ['first_unsafe', ({ firstUnsafe }) => firstUnsafe],
  ['largest_tested', ({ largestTested }) => largestTested],
  ['delta', ({ delta }) => delta],
  ['n', ({ n }) => n],
  ['verdict', ({ verdict }) => verdict],
];

const pairColumns: Columns<FamilyPair> = [
  ['method', ({ method }) => method],
  ['seed', ({ seed }) => seed],
  ['task', ({ task }) => task],
  ['large', ({ large }) => large],
  ['large_experts', ({ largeExperts }) => largeExperts],
  ['small', ({ small }) => small],
  ['experts', ({ experts }) => experts],
  ['factor', ({ factor }) => factor],
  ['past_threshold', ({ pastThreshold }) => (pastThreshold === null ? null : String(pastThreshold))],
  ['metric', ({ metric }) => metric],
  ['n', ({ n }) => n],
  ['pruned', ({ pruned }) => pruned],
  ['scratch', ({ scratch }) => scratch],
  ['difference', ({ difference }) => difference],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['p', ({ p }) => p],
  ['lost', ({ lost }) => lost],
  ['gained', ({ gained }) => gained],
  ['reading', ({ reading }) => reading],
];

const table = <T>(manifest: RunManifest, columns: Columns<T>, rows: readonly T[]): string =>
  csvFile(
    manifest,
    columns.map(([name]) => name),
    rows.map((row) => columns.map(([, value]) => value(row))),
  );

/** Thresholds with the number of experts before pruning, by method and task, E rising. */
export const expertTrendsCsv = ({ trends }: FamilyDocument, manifest: RunManifest): string =>
  table(manifest, thresholdColumns, trends.flatMap(({ points }) => points));

/** Pruned-large against scratch-small, one comparison per line. */
export const familyPairsCsv = ({ pairs }: FamilyDocument, manifest: RunManifest): string => table(manifest, pairColumns, pairs);

/** The findings as a Markdown list, with notes and the run. */
export const findingsMarkdown = ({ findings, notes, rule }: FamilyDocument, manifest: RunManifest): string => {
  const plain = (text: string): string => text.replace(/[\\|<>*_`[\]]/g, '\\$&').replace(/\s+/g, ' ');
  return [
    `# Findings: ${plain(manifest.title)}`,
    '',
    ...findings.map(({ sentence }) => `- ${plain(sentence)}`),
    '',
    ...[rule, ...notes].flatMap((text) => [plain(text), '']),
    `Run \`${manifest.id}\`, ${manifest.createdAt}.`,
    '',
  ].join('\n');
};
