import { useId } from 'react';
import { useStore } from 'zustand';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatFixed } from '../../format/format-number.ts';
import { curvesStore } from '../../state/curves-store.ts';
import { sweepDelta, useSweep } from './use-sweep.ts';

/** The margin of the threshold rule, one for Curves and Thresholds; the engine reads thresholds anew, without inference. */
export const DeltaSlider = () => {
  const { manifest, delta } = useSweep();
  const chooseDelta = useStore(curvesStore, (state) => state.chooseDelta);
  const id = useId();
  const started = sweepDelta(manifest);
  return (
    <div className="field">
      <label htmlFor={id}>
        <Definition of="delta" />
      </label>
      <input
        id={id}
        type="range"
        className="delta-slider"
        min={0.005}
        max={Math.max(0.15, started)}
        step={0.005}
        value={delta}
        aria-valuetext={`${formatFixed(delta, 3)} ${delta === started ? ', as the sweep was started' : ''}`}
        onChange={(event) => chooseDelta(Number(event.target.value))}
      />
      <output htmlFor={id} className="number delta-value">
        {formatFixed(delta, 3)}
      </output>
      {delta !== started && (
        <Button
          look="quiet"
          className="button-small"
          title={`Back to ${formatFixed(started, 3)}, as the sweep was started`}
          onClick={() => chooseDelta(null)}
        >
          Reset
        </Button>
      )}
    </div>
  );
};
