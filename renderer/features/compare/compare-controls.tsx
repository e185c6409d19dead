import { useStore } from 'zustand';
import type { CompareDocument } from '../../../main/contract/compare.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { ChartsOrTable, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { factorInName, formatFactor } from '../../format/format-number.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { compareStore, curvesStore } from '../../state/view-stores.ts';
import { SweepSelect } from '../../sweep/sweep-controls.tsx';
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
            suggestedName={`compare-${manifest.id}-${comparison.model}-${factorInName(comparison.factor)}`}
            figure={() => compareFigure({ manifest, comparison, title, theme })}
          />
        )}
        <ChartsOrTable asTable={asTable} onChange={showTable} />
      </div>
    </div>
  );
};
