import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { OutcomesDocument } from '../../../main/contract/outcomes.ts';
import type { SweepResult, PointCost } from '../../../main/contract/sweep.ts';
import { formatCount, formatBytes, formatFixed, formatParameters, formatPercent } from '../../../main/words/numbers.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { outcomesStore } from '../../state/dialog-stores.ts';
import type { PointKey } from '../../state/selection.ts';
import { ItemAnswer } from '../../sweep/item-answer.tsx';
import { fact, FactList } from '../../components/data-table.tsx';

/** Lost items shown at first: as many as fit beside the numbers. */
const FIRST_ITEMS = 3;

/** Whether a point can have lost or gained items: not the unpruned model itself, and not perplexity. */
export const hasItems = ({ factor, metric }: Pick<SweepResult, 'factor' | 'metric'>): boolean =>
  factor > 1 && metric !== 'perplexity';

/** Items lost by pruning at a point: the first few here, all in the dialog. */
export const PointItems = ({ point }: { readonly point: PointKey }) => {
  const { data, error } = useQuery('outcomes.read', { ...point, show: 'lost', from: 0, count: FIRST_ITEMS });
  return <FirstLost document={data} error={error} onAll={() => outcomesStore.getState().show(point)} />;
};

interface FirstLostProps {
  /** Undefined until read. */
  readonly document: OutcomesDocument | undefined;
  readonly error: SerialisedError | null;
  readonly onAll: () => void;
}

/** The first lost items of a point, the counts, and a button to all items. */
export const FirstLost = ({ document, error, onAll }: FirstLostProps) => (
  <section className="stack point-items" aria-label="Lost items">
    <h3>
      <Definition of="lostGained">Lost items</Definition>
    </h3>
    {error !== null && <Problem error={error} />}
    {document === undefined ? (
      error === null && <Reading of="outcomes.read" />
    ) : (
      <>
        <p className="muted number">
          Lost {formatCount(document.counts.lost)}, gained {formatCount(document.counts.gained)}, same{' '}
          {formatCount(document.counts.same)}
        </p>
        {document.note !== null && <p className="muted">{document.note}</p>}
        {document.items.length > 0 && (
          <ol className="rows" aria-label="The first lost items">
            {document.items.map((item) => (
              <ItemAnswer key={item.item} answers={item} />
            ))}
          </ol>
        )}
        <Button onClick={onAll}>Show all items</Button>
      </>
    )}
  </section>
);

const speedText = (tokensPerSecond: number): string =>
  `${formatFixed(tokensPerSecond, tokensPerSecond < 10 ? 2 : 0)} tokens/s`;

interface PointCostFactsProps {
  readonly cost: PointCost;
  /** Costs of the unpruned model in the same sweep, if measured. */
  readonly unpruned: PointCost | undefined;
}

/** Memory and compute costs of a point's model; speeds if measured. */
export const PointCostFacts = ({ cost, unpruned }: PointCostFactsProps) => {
  const { promptTokensPerSecond: prompt, decodeTokensPerSecond: decode } = cost;
  return (
    <FactList
      facts={[
        fact(
          'pointBytes',
          formatBytes(cost.bytes) +
            (unpruned === undefined ? '' : ` (${formatPercent(cost.bytes / unpruned.bytes, 0)})`),
        ),
        fact('activeParameters', formatParameters(cost.activeParameters)),
        fact('cacheBytes', formatBytes(cost.cacheBytesPerToken)),
        fact('promptSpeed', prompt === undefined ? null : speedText(prompt)),
        fact('decodeSpeed', decode === undefined ? null : speedText(decode)),
      ]}
    />
  );
};
