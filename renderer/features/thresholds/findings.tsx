import type { Finding, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { heading } from '../../../main/figures/columns.ts';
import { type FindingTable, findingTables } from '../../../main/figures/finding-tables.ts';
import { chartQuestion, findingVerdictText } from '../../../main/words/verdicts.ts';
import { FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { LargeDisclosure } from '../../components/panel.tsx';
import { methodTitle } from '../../../main/words/methods.ts';

/** Splits a sentence at its p values, so that each can carry its definition. */
export const splitAtProbabilities = (
  sentence: string,
): readonly { readonly text: string; readonly isProbability: boolean }[] =>
  sentence
    .split(/(\bp (?:=|<) \d[\d.]*(?:e[-\u2212]\d+)?(?<!\.))/u)
    .map((text, index) => ({ text, isProbability: index % 2 === 1 }))
    .filter(({ text }) => text !== '');

interface FindingsProps {
  readonly sizeTrend: SizeTrendDocument;
  readonly chart: Finding['chart'];
}

/** What was found for a chart: in numbers, and in the engine's sentences on request. */
export const Findings = ({ sizeTrend, chart }: FindingsProps) => {
  const found = sizeTrend.findings.filter((finding) => finding.chart === chart);
  const tables = findingTables(sizeTrend).filter((table) => table.chart === chart);
  if (found.length === 0) return null;
  return (
    <div className="findings">
      {tables.map(({ note, columns, rows }) => (
        <div key={note}>
          <p className="line muted small finding-note">
            {found
              .filter(({ method, verdict }) => method === null && findingVerdictText(verdict) !== null)
              .map(({ verdict, answers, sentence }) => (
                <span key={sentence}>
                  {answers !== undefined && `${answers}: `}
                  <FindingVerdict verdict={verdict} />
                </span>
              ))}
            <span>{note}</span>
          </p>
          <NumbersTable caption={`${chartQuestion(chart)} In numbers`} columns={columns} rows={rows} />
        </div>
      ))}
      {tables.length === 0 ? (
        found.map((finding) => <Sentence key={finding.sentence} finding={finding} />)
      ) : (
        <LargeDisclosure summary="In words">
          <FactList
            className="terms"
            facts={found.map((finding) => ({
              key: finding.sentence,
              term: finding.method === null ? 'All' : methodTitle(finding.method),
              value: <Sentence finding={finding} />,
            }))}
          />
        </LargeDisclosure>
      )}
    </div>
  );
};

interface NumbersTableProps extends Pick<FindingTable, 'columns' | 'rows'> {
  readonly caption: string;
}

/** A row per kind of answers and method: too few to sort. */
const NumbersTable = ({ caption, columns, rows }: NumbersTableProps) => (
  <div className="table-frame">
    <div className="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table className="data-table">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" className={isNumber ? 'numeric' : undefined}>
                {heading(title)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.join()}>
              {columns.map(({ title, isNumber }, index) =>
                index === 0 ? (
                  <th key={title} scope="row">
                    {row[index]}
                  </th>
                ) : (
                  <td key={title} className={isNumber ? 'numeric' : undefined}>
                    {row[index]}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </div>
);

const badges: Readonly<Record<Finding['verdict'], string>> = {
  supported: 'badge-done',
  opposed: 'badge-notice',
  mixed: 'badge-notice',
  unchanged: '',
  'cannot-tell': '',
  counted: '',
};

/** Whether the question is answered with yes; nothing where it only counts. */
const FindingVerdict = ({ verdict }: Pick<Finding, 'verdict'>) => {
  const words = findingVerdictText(verdict);
  return words === null ? null : (
    <span className={`badge ${badges[verdict]}`}>
      <Definition of="verdict">{words}</Definition>
    </span>
  );
};

const Sentence = ({ finding }: { readonly finding: Finding }) => (
  <p className="finding">
    <FindingVerdict verdict={finding.verdict} />{' '}
    {splitAtProbabilities(finding.sentence).map(({ text, isProbability }) =>
      isProbability ? (
        <Definition key={text} of="relabelling">
          {text}
        </Definition>
      ) : (
        text
      ),
    )}
  </p>
);
