import { answerKind } from '../../../main/contract/task.ts';
import { useStore } from 'zustand';
import type { CompareDocument } from '../../../main/contract/compare.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { ChartsOrTable, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { useResolvedTheme } from '../../state/theme.ts';
import { compareStore } from '../../state/view-stores.ts';
import { SweepSelect } from '../../sweep/sweep-controls.tsx';
import { referenceTitle } from './compare-words.ts';

interface CompareControlsProps {
  readonly manifest: RunManifest;
  readonly comparison: CompareDocument | undefined;
}

/** Sweep and reference of the comparison; model and factor come from the selection. */
export const CompareControls = ({ manifest, comparison }: CompareControlsProps) => {
  const { asTable, showTable, chooseAnswers, chooseReference } = useStore(compareStore);
  const theme = useResolvedTheme();
  return (
    <div className="view-head compare-head">
      <SweepSelect />
      {comparison !== undefined && (
        <>
          {comparison.answersMeasured.length > 1 && (
            <Select
              label="Answers"
              value={comparison.answers}
              options={comparison.answersMeasured.map((answers) => ({ value: answers, label: answers }))}
              onChange={(answers) => chooseAnswers(answerKind.parse(answers))}
            />
          )}
          <Select
            label={<Definition of="compareReference">Reference</Definition>}
            value={comparison.reference}
            options={comparison.references.map((reference) => ({ value: reference, label: referenceTitle(reference) }))}
            onChange={chooseReference}
          />
        </>
      )}
      <div className="view-head-end">
        {comparison !== undefined && (
          <SaveFigure subject={manifest.id} view={({ compareView }) => compareView({ manifest, comparison, theme })} />
        )}
        <ChartsOrTable asTable={asTable} onChange={showTable} />
      </div>
    </div>
  );
};
