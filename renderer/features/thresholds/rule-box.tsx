import type { SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { Definition } from '../../components/definition.tsx';
import { formatCount, formatFixed } from '../../format/format-number.ts';

const range = (values: readonly number[]): string => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? formatCount(low) : `${formatCount(low)}–${formatCount(high)}`;
};

/** How a threshold is defined here, and by how many items: readable without any hover. */
export const RuleBox = ({ family }: { readonly family: SizeTrendDocument }) => (
  <section className="rule-box" aria-label="How a threshold is defined">
    <div>
      <h3>How a threshold is defined</h3>
      <p className="rule-numbers">
        <span>
          <Definition of="delta">δ</Definition> <strong>{formatFixed(family.delta, 3)}</strong>
        </span>
        {family.thresholds.length > 0 && (
          <span>
            <Definition of="items">n</Definition> <strong>{range(family.thresholds.map(({ n }) => n))}</strong>
          </span>
        )}
        <span>
          <Definition of="cannotTell">needs n ≥</Definition> <strong>{formatCount(family.needed.items)}</strong>
        </span>
      </p>
    </div>
    <p>{family.rule}</p>
  </section>
);
