import { useState } from 'react';
import type { ExpertDocument, ExpertTokens, TakenToken } from '../../../main/contract/profile.ts';
import { formatCount, formatFixed, formatPercent } from '../../../main/words/numbers.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { Segmented } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { ExpertBars } from './expert-bars.tsx';

type Weighing = 'byCount' | 'byGate' | 'bySurprise';

const weighings: readonly { readonly value: Weighing; readonly label: string }[] = [
  { value: 'byCount', label: 'Most often' },
  { value: 'byGate', label: 'By gate' },
  { value: 'bySurprise', label: 'By surprise' },
];

const valueText = (weighing: Weighing, { taken, of, gate, surprise }: TakenToken): string =>
  ({
    byCount: `${formatCount(taken)} of ${formatCount(of)}`,
    byGate: formatFixed(gate, 1),
    bySurprise: formatFixed(surprise, 1),
  })[weighing];

const weightOf = (weighing: Weighing, { taken, gate, surprise }: TakenToken): number =>
  ({ byCount: taken, byGate: gate, bySurprise: surprise })[weighing];

const share = ({ taken, of }: { readonly taken: number; readonly of: number }): number => (of > 0 ? taken / of : 0);

const positionText = ({ from, to }: ExpertTokens['positions'][number]): string =>
  from === to ? String(from) : `${formatCount(from)}–${formatCount(to)}`;

interface ExpertTakesProps {
  readonly takes: NonNullable<ExpertDocument['takes']>;
  /** Number of tokens of the profile. */
  readonly tokens: number;
}

/** Tokens that an expert takes: the tokens with their contexts, classes and positions. */
export const ExpertTakes = ({ takes, tokens }: ExpertTakesProps) => {
  const [weighing, weigh] = useState<Weighing>('bySurprise');
  const { sampled, taken, classes, positions } = takes;
  const listed = takes[weighing];
  const largest = listed.reduce((most, token) => Math.max(most, weightOf(weighing, token)), 0);
  const base = sampled > 0 ? taken / sampled : 0;
  const longest = maxOf([base, ...classes.map(share), ...positions.map(share), Number.EPSILON]);
  const rowsOf = (kinds: readonly { readonly name: string; readonly taken: number; readonly of: number }[]) =>
    kinds.map((kind) => ({
      key: kind.name,
      name: kind.name,
      length: share(kind) / longest,
      mark: base / longest,
      value: formatPercent(share(kind), 1),
      text:
        `${kind.name}: chosen for ${formatCount(kind.taken)} of ${formatCount(kind.of)} tokens, ` +
        `${formatPercent(share(kind), 1)}; of all tokens ${formatPercent(base, 1)}`,
    }));
  return (
    <>
      <p className="muted">
        {sampled < tokens
          ? `A sample of ${formatCount(sampled)} of ${formatCount(tokens)} tokens, drawn evenly`
          : `All ${formatCount(tokens)} tokens`}
        ; chosen for {formatCount(taken)}.
      </p>
      <Segmented label="Tokens by" value={weighing} options={weighings} onChange={weigh} />
      {listed.length === 0 && <p className="muted">None.</p>}
      <ol className="rows taken-tokens" aria-label="Tokens it takes most">
        {listed.map((token) => (
          <li key={`${String(token.token)} ${token.text}`}>
            <details>
              <summary>
                <code>{visibleText(token.text)}</code>
                <span className="expert-bars-track" aria-hidden="true">
                  <span style={{ width: `${largest > 0 ? (weightOf(weighing, token) / largest) * 100 : 0}%` }} />
                </span>
                <span className="number">{valueText(weighing, token)}</span>
              </summary>
              <ul className="rows" aria-label={`Contexts in which ${visibleText(token.text)} has the largest weight`}>
                {token.contexts.map((context, index) => (
                  <li key={index}>
                    <span className="taken-context">
                      {visibleText(context.before).replace('(nothing)', '')}
                      <mark>{visibleText(context.token)}</mark>
                      {visibleText(context.behind).replace('(nothing)', '')}
                    </span>
                    <span className="number muted">{formatFixed(context.gate, 2)}</span>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ol>
      <h4>
        <Definition of="tokenClass">By class of token</Definition>
      </h4>
      <ExpertBars label="Share by class of token" rows={rowsOf(classes)} />
      <h4>
        <Definition of="tokenPosition">By position</Definition>
      </h4>
      <ExpertBars
        label="Share by position"
        rows={rowsOf(positions.map((position) => ({ ...position, name: positionText(position) })))}
      />
    </>
  );
};

/** A token's text with visible spaces. */
export const visibleText = (text: string): string =>
  text === ''
    ? '(nothing)'
    : text.replaceAll(' ', '\u2423').replaceAll('\n', '\u23ce').replaceAll('\t', '\u21e5').replaceAll('\r', '\u240d');
