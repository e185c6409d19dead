import { useState } from 'react';
import { useStore } from 'zustand';
import type { RunOrigin } from '../../../main/contract/run-origin.ts';
import { Button } from '../../components/button.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { ChosenPython, NewFolderName, ParentFolder } from '../../components/new-folder.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { shownRunName } from '../../format/run-names.ts';
import { strangeRunStore } from '../../state/dialog-stores.ts';
import type { ChosenFolder, ChosenProgram } from '../../state/model-forms.ts';

/** Shows what a run made elsewhere refers to, and resumes it with a program and folder that the user chooses. */
export const StrangeRunDialog = () => {
  const { open: run, show } = useStore(strangeRunStore);
  const { runs, tasks } = useFacts();
  const { data, error } = useQuery('runs.origin', run === null ? null : { run });
  if (run === null) return null;
  const known = runs.find(({ id }) => id === run);
  return (
    <Dialog title={known === undefined ? run : shownRunName(known, tasks)} wide onClose={() => show(null)}>
      {error !== null && <Problem error={error} />}
      {data !== undefined && <Origin key={data.code} origin={data} />}
    </Dialog>
  );
};

const OWN_ENVIRONMENT = 'the environment of this workspace';

const Origin = ({ origin }: { readonly origin: RunOrigin }) => {
  const { run, code, says, asks } = origin;
  const { show } = strangeRunStore.getState();
  const { connected } = useFacts();
  const { busy, problem, start } = useRequest('here');
  const [python, setPython] = useState<ChosenProgram | null>(null);
  const [into, setInto] = useState<ChosenFolder | null>(null);
  const [name, setName] = useState('');
  const lacksProgram = asks.program && says.program !== null && python === null;
  const lacksFolder = asks.destination && (into === null || name.trim() === '');
  const resume = (): void =>
    start(async ({ bridge }) => {
      const destination = asks.destination && into !== null ? { into: into.handle, name: name.trim() } : null;
      await bridge.call('jobs.resume', { run, confirmed: { code, python: python?.handle ?? null, destination } });
      show(null);
    });
  return (
    <>
      <div className="dialog-body strange-run">
        <p>
          This run was not made here: it is a copy, belongs to another user or an earlier version, or was edited. It is
          only displayed; no program or folder named in it has been used. Resume it only if you trust it.
        </p>
        {asks.program && (
          <Program
            said={says.program ?? OWN_ENVIRONMENT}
            chosen={python}
            choose={setPython}
            mustChoose={lacksProgram}
          />
        )}
        {asks.destination && (
          <Destination said={says.destination ?? 'none'} into={into} chooseInto={setInto} name={name} type={setName} />
        )}
        <section aria-label="Files it reads">
          <span className="field-label">It reads</span>
          <ul className="strange-paths">
            {says.reads.map((path) => (
              <li key={path}>
                <code>{path}</code>
              </li>
            ))}
          </ul>
        </section>
        {problem !== null && <Problem error={problem} />}
      </div>
      <footer className="dialog-foot">
        <span className="muted">
          {lacksProgram ? 'Choose a program.' : lacksFolder ? 'Choose a folder and a name for the new folder.' : ''}
        </span>
        <Button data-autofocus onClick={() => show(null)}>
          Do not resume
        </Button>
        <Button look="primary" disabled={busy || lacksProgram || lacksFolder || !connected} onClick={resume}>
          Resume here
        </Button>
      </footer>
    </>
  );
};

interface ProgramProps {
  readonly said: string;
  readonly chosen: ChosenProgram | null;
  readonly choose: (program: ChosenProgram) => void;
  readonly mustChoose: boolean;
}

const Program = ({ said, chosen, choose, mustChoose }: ProgramProps) => {
  const used = mustChoose
    ? 'not chosen yet'
    : chosen === null
      ? OWN_ENVIRONMENT
      : (chosen.path ?? 'the chosen program');
  return (
    <div className="field-stacked" role="group" aria-label="Program">
      <span className="field-label">Program it starts</span>
      <p>
        The run says <code>{said}</code>. This will be used instead:
      </p>
      <ChosenPython path={used} choose={choose} />
    </div>
  );
};

interface DestinationProps {
  readonly said: string;
  readonly into: ChosenFolder | null;
  readonly chooseInto: (folder: ChosenFolder) => void;
  readonly name: string;
  readonly type: (name: string) => void;
}

const Destination = ({ said, into, chooseInto, name, type }: DestinationProps) => (
  <div className="field-stacked" role="group" aria-label="Folder to write">
    <span className="field-label">Folder it writes</span>
    <p>
      The run says <code>{said}</code>. A new folder in this one will be used instead:
    </p>
    <ParentFolder purpose="tuned" into={into} choose={chooseInto} />
    <NewFolderName name={name} change={type} />
  </div>
);
