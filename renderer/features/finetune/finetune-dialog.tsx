import { useStore } from 'zustand';
import { Dialog } from '../../components/dialog.tsx';
import { useFacts } from '../../engine/facts.ts';
import { shownRunName } from '../../format/run-names.ts';
import { finetuneStore } from '../../state/finetune-store.ts';
import { FinetuneForm } from './finetune-form.tsx';
import { FinetuneOutcome } from './finetune-outcome.tsx';
import './finetune.css';

/** Settings of a new fine-tuning, or the outcome of an earlier one. */
export const FinetuneDialog = () => {
  const { open, run, show } = useStore(finetuneStore);
  const { runs, tasks } = useFacts();
  if (!open) return null;
  const shown = run === null ? undefined : runs.find(({ id }) => id === run);
  return (
    <Dialog title={shown === undefined ? 'Fine-tune' : shownRunName(shown, tasks)} wide onClose={() => show(false)}>
      {shown === undefined ? <FinetuneForm /> : <FinetuneOutcome run={shown} />}
    </Dialog>
  );
};
