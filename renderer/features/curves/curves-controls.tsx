import { useStore } from 'zustand';
import { useResolvedTheme } from '../../app/theme.ts';
import { ChartsOrTable } from '../../components/charts-or-table.tsx';
import { Select } from '../../components/select.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { curvesStore } from '../../state/curves-store.ts';
import { curvesFigure } from './curves-figure.ts';
import { DeltaSlider } from './delta-slider.tsx';
import { SweepSelect } from './sweep-select.tsx';
import type { TaskCurves } from './task-curves.ts';
import { useSweep } from './use-sweep.ts';

interface CurvesControlsProps {
  readonly models: readonly string[];
  readonly model: string | null;
  readonly methods: readonly string[];
  /** The charts on screen. */
  readonly curves: readonly TaskCurves[];
}

export const CurvesControls = ({ models, model, methods, curves }: CurvesControlsProps) => {
  const { manifest, document, delta } = useSweep();
  const { tasks } = useFacts();
  const theme = useResolvedTheme();
  const { asTable, showTable, chooseModel, hiddenMethods } = useStore(curvesStore);
  if (manifest === null) return null;
  return (
    <div className="view-head">
      <SweepSelect />
      {models.length > 1 && (
        <Select
          label="Model"
          value={model ?? ''}
          options={models.map((name) => ({ value: name, label: name }))}
          onChange={chooseModel}
        />
      )}
      <DeltaSlider />
      <div className="view-head-end">
        {document !== undefined && document.results.length > 0 && (
          <SaveFigure
            suggestedName={`curves-${manifest.id}`}
            picture={!asTable}
            figure={() =>
              curvesFigure({ manifest, document, model, methods, hidden: hiddenMethods, curves, tasks, delta, theme })
            }
          />
        )}
        <ChartsOrTable asTable={asTable} onChange={showTable} />
      </div>
    </div>
  );
};
