import { useStore } from 'zustand';
import { RequestButton } from '../../components/button.tsx';
import { ChosenPath } from '../../components/new-folder.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatFactor } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { exportStore } from '../../state/model-forms.ts';
import { chooseFolder } from '../../state/file-choice.ts';
import { ExportForm, useExportPlan } from './export-form.tsx';
import { ExportOutcome } from './export-outcome.tsx';
import './export.css';

/** The export drawer: plan and destination, the result of the verification, and a form to verify earlier exports. */
export const ExportDrawer = () => {
  const { open, show } = useStore(exportStore);
  if (!open) return null;
  return (
    <Dialog title="Export" onClose={() => show(false)} drawer>
      <div className="dialog-body export-view">
        <ExportForm />
        <ExportOutcome />
        <VerifyForm />
      </div>
    </Dialog>
  );
};

/** Verifies an existing folder against the model and plan chosen above. */
const VerifyForm = () => {
  const facts = useFacts();
  const { exported, showRun } = useStore(exportStore);
  const { source, made } = useExportPlan();
  return (
    <section className="card" aria-label="Verify">
      <h3>Verify an existing export</h3>
      <p className="muted">
        {source === null
          ? 'Choose a plan above first.'
          : `Compares the folder with ${source.model.name} under the plan above (${methodTitle(source.method)} ` +
            `${formatFactor(source.factor)}): logits, chosen experts and tensors.`}
      </p>
      <ChosenPath
        path={exported?.path ?? null}
        otherwise="no folder chosen"
        icon="folder"
        disabled={!facts.connected}
        choose={async (bridge) => {
          const folder = await chooseFolder(bridge, 'exported');
          if (folder !== null) exportStore.setState({ exported: folder });
        }}
        after={
          <RequestButton
            icon="check"
            disabled={!facts.connected || exported === null || made === undefined || source === null}
            ask={async ({ bridge }) => {
              if (exported === null || made === undefined || source === null) return;
              const { run } = await bridge.call('verify.start', {
                exported: exported.handle,
                against: source.model.handle,
                plan: made.plan,
              });
              showRun(run);
            }}
          >
            Verify
          </RequestButton>
        }
      />
    </section>
  );
};
