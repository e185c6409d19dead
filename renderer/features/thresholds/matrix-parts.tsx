import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { Definition } from '../../components/definition.tsx';

/** Deepest tint, for thresholds of 64 and above; one step per doubling. */
const DEEPEST = 6;

/** Background tint of a cell in a matrix of thresholds. */
export const thresholdTint = ({ lastSafe }: SizeThreshold): React.CSSProperties =>
  ({ '--level': Math.min(DEEPEST, Math.log2(lastSafe ?? 1)) }) as React.CSSProperties;

/** Column headers after the first: items, and each model with its number of experts. */
export const MatrixHeads = ({ models }: Pick<SizeTrendDocument, 'models'>) => (
  <>
    <th scope="col" className="numeric">
      <Definition of="items">n</Definition>
    </th>
    {models.map((model) => (
      <th key={model.name} scope="col" className="numeric">
        <span className="matrix-model">{model.name}</span>
        <small>
          <Definition of="experts">E</Definition> {formatCount(model.experts)}
        </small>
      </th>
    ))}
  </>
);
