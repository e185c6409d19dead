import { useId } from 'react';
import { useStore } from 'zustand';
import { formatFactor } from '../../main/words/numbers.ts';
import { selectionStore } from '../state/selection-store.ts';
import { type ExpertCounts, fewestKept, keptAtFactor, standardFactors } from './kept-counts.ts';
import './plan.css';

interface FactorSliderProps {
  readonly counts: ExpertCounts;
  /** Whether the slider labels its marks itself; otherwise the axis of the chart above does. */
  readonly labelled: boolean;
}

/** A slider over every possible number of kept experts, positioned by factor. */
export const FactorSlider = ({ counts, labelled }: FactorSliderProps) => {
  const id = useId();
  const factor = useStore(selectionStore, (state) => state.factor);
  const { chooseFactor, dragFactor, endDrag } = selectionStore.getState();
  const fewest = fewestKept(counts);
  const kept = keptAtFactor(counts, factor);
  // The slider uses log2 of the factor, so that ×2, ×4, ×8 are evenly spaced.
  const position = Math.log2(counts.experts / kept);
  const end = Math.log2(counts.experts / fewest);
  const factorOf = (count: number): number => counts.experts / Math.min(counts.experts, Math.max(fewest, count));
  return (
    <div className="factor-slider">
      <label htmlFor={id} className="visually-hidden">
        Pruning factor
      </label>
      <div className="factor-slider-track">
        <input
          id={id}
          type="range"
          min={0}
          max={end}
          step="any"
          value={position}
          aria-valuetext={`factor ${formatFactor(counts.experts / kept)}, ${kept} of ${counts.experts} experts kept`}
          onChange={(event) => dragFactor(factorOf(Math.round(counts.experts / 2 ** Number(event.target.value))))}
          onPointerUp={endDrag}
          onKeyUp={endDrag}
          onBlur={endDrag}
          onKeyDown={(event) => {
            const step = { ArrowRight: -1, ArrowUp: -1, ArrowLeft: 1, ArrowDown: 1 }[event.key];
            if (step === undefined || event.altKey) return;
            event.preventDefault();
            dragFactor(factorOf(kept + step));
          }}
        />
        <div className={labelled ? 'factor-slider-marks' : 'factor-slider-marks factor-slider-marks-above'}>
          {standardFactors(counts).map((standard) => (
            <button
              key={standard}
              type="button"
              tabIndex={-1}
              aria-label={`Factor ${standard}`}
              aria-pressed={keptAtFactor(counts, standard) === kept}
              style={{ left: `calc(8px + (100% - 16px) * ${end > 0 ? Math.log2(standard) / end : 0})` }}
              onClick={() => chooseFactor(factorOf(keptAtFactor(counts, standard)))}
            >
              {labelled ? standard : ''}
            </button>
          ))}
        </div>
      </div>
    </div>
  );
};
