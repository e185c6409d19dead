import { useId } from 'react';
import { useStore } from 'zustand';
import { useResolvedTheme } from '../../app/theme.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { Select } from '../../components/select.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatFixed } from '../../format/format-number.ts';
import { formatWhen } from '../../format/format-time.ts';
import { curvesStore } from '../../state/curves-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { curvesFigure } from './curves-figure.ts';
import type { TaskCurves } from './task-curves.ts';
import { sweepDelta, useSweep } from './use-sweep.ts';

interface CurvesControlsProps {
  readonly models: readonly string[];
  readonly model: string | null;
  readonly methods: readonly string[];
  /** The charts on screen. */
  readonly curves: readonly TaskCurves[];
}

export const CurvesControls = ({ models, model, methods, curves }: CurvesControlsProps) => {
  const { sweeps, manifest, document, delta } = useSweep();
  const { tasks } = useFacts();
  const theme = useResolvedTheme();
  const { asTable, showTable, chooseDelta, chooseModel, hiddenMethods } = useStore(curvesStore);
  const id = useId();
  if (manifest === null) return null;
  const started = sweepDelta(manifest);
  return (
    <div className="view-head">
      <Select
        label="Sweep"
        value={manifest.id}
        options={sweeps.map((run) => ({ value: run.id, label: `${run.title}, ${formatWhen(run.createdAt, new Date())}` }))}
        onChange={(run) => selectionStore.getState().selectRun(run)}
      />
      {models.length > 1 && (
        <Select
          label="Model"
          value={model ?? ''}
          options={models.map((name) => ({ value: name, label: name }))}
          onChange={chooseModel}
        />
      )}
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
          <Button look="quiet" className="button-small" onClick={() => chooseDelta(null)}>
            Back to {formatFixed(started, 3)}
          </Button>
        )}
      </div>
      <div className="view-head-end">
        {document !== undefined && document.results.length > 0 && (
          <SaveFigure
            suggestedName={`curves-${manifest.id}`}
            figure={() => curvesFigure({ manifest, document, model, methods, hidden: hiddenMethods, curves, tasks, delta, theme })}
          />
        )}
        <Segmented
          label="Charts or table"
          value={asTable ? 'table' : 'charts'}
          options={[
            { value: 'charts', label: 'Charts' },
            { value: 'table', label: 'Table' },
          ]}
          onChange={(value) => showTable(value === 'table')}
        />
      </div>
    </div>
  );
};
