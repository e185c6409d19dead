import type { Finding } from '../../../main/contract/size-trend.ts';
import { findingVerdictText } from '../../../main/words/verdicts.ts';
import { Definition } from '../../components/definition.tsx';
import { Disclosure } from '../../components/panel.tsx';
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
  readonly findings: readonly Finding[];
  readonly chart: Finding['chart'];
}

/** The engine's findings for a chart: over all methods first, then method by method. */
export const Findings = ({ findings, chart }: FindingsProps) => {
  const matchingFindings = findings.filter((finding) => finding.chart === chart);
  const overall = matchingFindings.filter(({ method }) => method === null);
  const byMethod = matchingFindings.filter(({ method }) => method !== null);
  return (
    <div className="findings">
      {(overall.length > 0 ? overall : byMethod).map((finding) => (
        <Sentence key={finding.sentence} finding={finding} />
      ))}
      {overall.length > 0 && byMethod.length > 0 && (
        <Disclosure summary="Method by method">
          <dl className="findings-methods">
            {byMethod.map((finding) => (
              <div key={finding.sentence}>
                <dt>{methodTitle(finding.method ?? '')}</dt>
                <dd>
                  <Sentence finding={finding} />
                </dd>
              </div>
            ))}
          </dl>
        </Disclosure>
      )}
    </div>
  );
};

const Sentence = ({ finding }: { readonly finding: Finding }) => {
  const words = findingVerdictText(finding.verdict);
  return (
    <p className="finding">
      {words !== null && (
        <>
          <span className={`finding-verdict finding-${finding.verdict}`}>
            <Definition of="verdict">{words}</Definition>
          </span>{' '}
        </>
      )}
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
};
