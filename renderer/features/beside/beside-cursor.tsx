import type { BesideDocument } from '../../../main/contract/beside.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { shownProbability, shownToken } from '../../../main/words/beside.ts';
import { formatCount, formatNumber } from '../../../main/words/numbers.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

interface CursorProps {
  readonly document: BesideDocument;
  /** Index among the new tokens. */
  readonly cursor: number;
}

interface CursorBarProps extends CursorProps {
  /** The first differing token of each plan; null: none. */
  readonly differences: readonly (number | null)[];
  readonly last: number;
  readonly onMove: (to: number) => void;
}

/** Moves the cursor: token by token, to a first difference, or by a click into the KL of the plans. */
export const CursorBar = ({ document: { columns, trace }, differences, cursor, last, onMove }: CursorBarProps) => (
  <>
    <div className="line beside-cursor-bar">
      <IconButton
        icon="chevronLeft"
        label="Previous token"
        disabled={cursor === 0}
        onClick={() => onMove(cursor - 1)}
      />
      <IconButton
        icon="chevronRight"
        label="Next token"
        disabled={cursor === last}
        onClick={() => onMove(cursor + 1)}
      />
      <h3 aria-live="polite">
        <Definition of="tokenCursor">
          New token {formatCount(cursor + 1)} of {formatCount(last + 1)}
        </Definition>
      </h3>
      {differences.map((at, index) =>
        at === null ? null : (
          <Button key={index} look="quiet" small disabled={at === cursor} onClick={() => onMove(at)}>
            First difference of {columns[index + 1]?.name}
          </Button>
        ),
      )}
    </div>
    {trace?.plans.map(({ kl }, index) => (
      <KlRibbon
        key={index}
        name={columns[index + 1]?.name ?? ''}
        kl={kl}
        most={maxOf([Number.EPSILON, ...trace.plans.flatMap((plan) => plan.kl)])}
        cursor={cursor}
        onMove={onMove}
      />
    ))}
  </>
);

const HEIGHT = 32;

interface KlRibbonProps {
  readonly name: string;
  readonly kl: readonly number[];
  /** The largest of all plans, which is as high as the ribbon. */
  readonly most: number;
  readonly cursor: number;
  readonly onMove: (to: number) => void;
}

/** A plan's KL at every token, a bar each. The numbers stand in the table below. */
const KlRibbon = ({ name, kl, most, cursor, onMove }: KlRibbonProps) => (
  <div className="beside-ribbon">
    <small className="muted">KL of {name}</small>
    <svg viewBox={`0 0 ${String(kl.length)} ${String(HEIGHT)}`} preserveAspectRatio="none" aria-hidden="true">
      {kl.map((value, index) => {
        const height = (HEIGHT * value) / most;
        return (
          <g key={index} onClick={() => onMove(index)} className={index === cursor ? 'beside-ribbon-at' : undefined}>
            <rect className="beside-ribbon-room" x={index} y={0} width={1} height={HEIGHT} />
            <rect className="beside-ribbon-bar" x={index + 0.1} y={HEIGHT - height} width={0.8} height={height} />
          </g>
        );
      })}
    </svg>
  </div>
);

/** What every model does at the token under the cursor: its token, its probability and KL, and its experts by layer. */
export const TokenAtCursor = ({ document: { columns, trace }, cursor }: CursorProps) => {
  const own = trace?.experts[cursor];
  const rows = columns.map(({ name, tokens }, index) => {
    const plan = trace?.plans[index - 1];
    const probabilities = index === 0 ? trace?.probabilities : plan?.probabilities;
    return {
      name,
      token: tokens[cursor]?.text,
      probability: probabilities?.[cursor],
      kl: plan?.kl[cursor],
      experts: index === 0 ? own : plan?.experts?.[cursor],
    };
  });
  return (
    <div className="beside-tables">
      <DataTable
        caption="Models at the token"
        rows={rows}
        rowKey={({ name }) => name}
        columns={[
          { key: 'model', title: 'Model', cell: ({ name }) => name },
          { key: 'token', title: 'Writes', cell: ({ token }) => (token === undefined ? '–' : shownToken(token)) },
          {
            key: 'kl',
            title: <Definition of="tokenCursor">KL (nats)</Definition>,
            words: 'KL (nats)',
            numeric: true,
            cell: ({ kl }) => (kl === undefined ? '–' : formatNumber(kl)),
            value: ({ kl }) => kl ?? null,
          },
          {
            key: 'probability',
            title: <Definition of="tokenProbability">Probability of unpruned’s token</Definition>,
            words: 'Probability of unpruned’s token',
            numeric: true,
            cell: ({ probability }) => (probability === undefined ? '–' : shownProbability(probability)),
            value: ({ probability }) => probability ?? null,
          },
        ]}
      />
      {own === undefined ? (
        <p className="muted">Beyond the tokens that are compared: only the texts are known here.</p>
      ) : (
        <DataTable
          caption="Experts at the token"
          rows={own.map((experts, layer) => ({ layer, experts }))}
          rowKey={({ layer }) => String(layer)}
          columns={[
            { key: 'layer', title: 'MoE layer', cell: ({ layer }) => layer },
            ...rows.map(({ name, experts }, index) => ({
              key: `model ${String(index)}`,
              title: name,
              cell: ({ layer, experts: used }: { readonly layer: number; readonly experts: readonly number[] }) => (
                <Experts experts={experts?.[layer]} used={used} isFirst={index === 0} />
              ),
              value: ({ layer }: { readonly layer: number }) => experts?.[layer]?.join(', ') ?? null,
            })),
          ]}
        />
      )}
    </div>
  );
};

interface ExpertsProps {
  /** Undefined where they have numbers of their own. */
  readonly experts: readonly number[] | undefined;
  /** Those of the unpruned model. */
  readonly used: readonly number[];
  readonly isFirst: boolean;
}

/** The experts of a layer; those that the unpruned model does not use there are marked. */
const Experts = ({ experts, used, isFirst }: ExpertsProps) => {
  if (experts === undefined) return <span className="muted">merged</span>;
  return experts.map((expert, index) => (
    <span key={index}>
      {index === 0 ? '' : ', '}
      {isFirst || used.includes(expert) ? expert : <mark>{expert}</mark>}
    </span>
  ));
};
