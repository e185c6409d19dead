import { useId } from 'react';
import type { FolderPurpose } from '../../main/contract/shell.ts';
import { useRequest } from '../engine/engine-context.tsx';
import type { ChosenFolder } from '../state/export-store.ts';
import { chooseFolder } from '../state/file-choice.ts';
import { Button } from './button.tsx';
import './new-folder.css';

interface ParentFolderProps {
  readonly purpose: FolderPurpose;
  readonly into: ChosenFolder | null;
  readonly choose: (folder: ChosenFolder) => void;
  readonly disabled?: boolean;
}

/** The folder in which a new one is made, with a button to choose it. */
export const ParentFolder = ({ purpose, into, choose, disabled = false }: ParentFolderProps) => {
  const { busy, start } = useRequest();
  return (
    <div className="folder-field">
      <code title={into?.path}>{into?.path ?? 'not chosen yet'}</code>
      <Button
        icon="folder"
        disabled={busy || disabled}
        aria-label="Choose the folder to write into"
        onClick={() =>
          start(async ({ bridge }) => {
            const folder = await chooseFolder(bridge, purpose);
            if (folder !== null) choose(folder);
          })
        }
      >
        Choose…
      </Button>
    </div>
  );
};

interface NewFolderNameProps {
  readonly name: string;
  readonly change: (name: string) => void;
}

export const NewFolderName = ({ name, change }: NewFolderNameProps) => {
  const id = useId();
  return (
    <>
      <label className="field-label" htmlFor={id}>
        Name of the new folder
      </label>
      <input
        id={id}
        className="input"
        value={name}
        spellCheck={false}
        onChange={(event) => change(event.target.value)}
      />
    </>
  );
};
