import { useStore } from 'zustand';
import type { CompareDocument } from '../../../main/contract/compare.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { useResolvedTheme } from '../../app/theme.ts';
import { Definition } from '../../components/definition.tsx';
import { ChartsOrTable } from '../../components/charts-or-table.tsx';
import { Select } from '../../components/select.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatFactor } from '../../format/format-number.ts';
import { compareStore } from '../../state/compare-store.ts';
import { curvesStore } from '../../state/curves-store.ts';
import { SweepSelect } from '../curves/sweep-select.tsx';
import { compareFigure } from './compare-figure.ts';
import { referenceTitle } from './compare-words.ts';

interface CompareControlsProps {
  readonly manifest: RunManifest;
  readonly comparison: CompareDocument | undefined;
  readonly title: (task: string) => string;
}

/** Sweep, model, factor and reference of the comparison. */
export const CompareControls = ({ manifest, comparison, title }: CompareControlsProps) => {
  const { asTable, showTable, chooseFactor, chooseReference } = useStore(compareStore);
  const theme = useResolvedTheme();
  return (
    <div className="view-head compare-head">
      <SweepSelect />
      {comparison !== undefined && (
        <>
          {comparison.models.length > 1 && (
            <Select
              label="Model"
              value={comparison.model}
              options={comparison.models.map((name) => ({ value: name, label: name }))}
              onChange={(model) => curvesStore.getState().chooseModel(model)}
            />
          )}
          <Select
            label={<Definition of="factor">Factor</Definition>}
            value={String(comparison.factor)}
            options={comparison.factors.map((factor) => ({ value: String(factor), label: formatFactor(factor) }))}
            onChange={(factor) => chooseFactor(Number(factor))}
          />
          <Select
            label={<Definition of="compareReference">Against</Definition>}
            value={comparison.reference}
            options={comparison.references.map((reference) => ({ value: reference, label: referenceTitle(reference) }))}
            onChange={chooseReference}
          />
        </>
      )}
      <div className="view-head-end">
        {comparison !== undefined && (
          <SaveFigure
            suggestedName={`compare-${manifest.id}-${comparison.model}-x${String(Math.round(comparison.factor * 100) / 100)}`}
            figure={() => compareFigure({ manifest, comparison, title, theme })}
          />
        )}
        <ChartsOrTable asTable={asTable} onChange={showTable} />
      </div>
    </div>
  );
};
