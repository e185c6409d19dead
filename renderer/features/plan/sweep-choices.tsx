import type { ReactNode } from 'react';
import { useStore } from 'zustand';
import type { MethodPage } from '../../../main/contract/method.ts';
import { type MethodName, type RefitName, refitName } from '../../../main/contract/plan.ts';
import { type Setting, settingsOf } from '../../../main/contract/setting.ts';
import { type DescribedSweepSettings, describedSweepSettings } from '../../../main/contract/sweep.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { addCandidateFolder, addCountsFile, addMethodFile } from '../../actions/plan.ts';
import { IconButton } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { SettingField } from '../../components/setting-field.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { AboutMethod, methodGroups } from '../../plan/method-select.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { sweepStore, usualMethods } from '../../state/sweep-store.ts';
import { MethodOptions, optionsSummary } from './method-options.tsx';

const MethodTick = ({ method }: { readonly method: MethodName }) => {
  const { methods, toggleMethod } = useStore(sweepStore);
  return (
    <span className="method-tick">
      <Checkbox checked={methods.includes(method)} onChange={() => toggleMethod(method)}>
        {methodTitle(method)}
      </Checkbox>
      <AboutMethod method={method} />
    </span>
  );
};

interface AddedProps {
  /** Shown on hover. */
  readonly title: string;
  readonly removeLabel: string;
  readonly onRemove: () => void;
  readonly children: ReactNode;
}

/** A file or folder that was added, with a button that removes it. */
const Added = ({ title, removeLabel, onRemove, children }: AddedProps) => (
  <span className="method-tick" title={title}>
    {children}
    <IconButton icon="close" className="about-method" label={removeLabel} onClick={onRemove} />
  </span>
);

/** Rankings and plans from files as methods, and buttons to add one. */
const FileMethods = () => {
  const { methods, files, toggleMethod, removeFile } = useStore(sweepStore);
  return (
    <div className="choice-row">
      {Object.entries(files).map(([method, { name }]) => (
        <Added key={method} title={name} removeLabel={`Remove the file ${method}`} onRemove={() => removeFile(method)}>
          <Checkbox checked={methods.includes(method)} onChange={() => toggleMethod(method)}>
            {method}
          </Checkbox>
        </Added>
      ))}
      <ActionButton action={addMethodFile} look="quiet" small icon="file">
        From a file…
      </ActionButton>
      <ActionButton
        action={addCountsFile}
        look="quiet"
        small
        icon="file"
        title="An importance matrix of llama.cpp, or routed experts of vLLM or SGLang"
      >
        From token counts…
      </ActionButton>
    </div>
  );
};

/** Checkpoint folders that are measured beside the plans, and a button to add one. */
export const SweepFolders = () => {
  const { candidates, removeCandidate } = useStore(sweepStore);
  return (
    <div className="choice-row">
      {candidates.map(({ name, path }) => (
        <Added key={name} title={path} removeLabel={`Remove the folder ${name}`} onRemove={() => removeCandidate(name)}>
          {name}
        </Added>
      ))}
      <ActionButton action={addCandidateFolder} look="quiet" small icon="folder">
        From a folder…
      </ActionButton>
    </div>
  );
};

/** The usual methods, with the others in a disclosure. */
export const SweepMethods = ({ pages }: { readonly pages: readonly MethodPage[] }) => {
  const methods = useStore(sweepStore, (state) => state.methods);
  const others = methodGroups(pages.filter(({ name }) => !usualMethods.includes(name)));
  const files = useStore(sweepStore, (state) => state.files);
  const ticked = methods.filter((method) => !usualMethods.includes(method) && !(method in files)).length;
  return (
    <div className="stack stack-tight sweep-methods">
      <div className="choice-row">
        {usualMethods.map((method) => (
          <MethodTick key={method} method={method} />
        ))}
      </div>
      <FileMethods />
      {others.length > 0 && (
        <Disclosure summary={`More methods${ticked === 0 ? '' : `, ${ticked} ticked`}`}>
          {others.map((group) => (
            <div key={group.title} className="method-group" role="group" aria-label={group.title}>
              <span className="muted" title={group.text}>
                {group.title}
              </span>
              <div className="method-grid">
                {group.pages.map(({ name }) => (
                  <MethodTick key={name} method={name} />
                ))}
              </div>
            </div>
          ))}
        </Disclosure>
      )}
    </div>
  );
};

/** Options of all ticked methods; plans use the same options. */
export const SweepOptions = ({ pages }: { readonly pages: readonly MethodPage[] }) => {
  const methods = useStore(sweepStore, (state) => state.methods);
  const options = useStore(selectionStore, ({ plan }) => plan.options);
  const shown = pages.filter((page) => methods.includes(page.name) && page.options.length > 0);
  if (shown.length === 0) return <span className="muted">the ticked methods have none</span>;
  const changed = shown.reduce((sum, { name }) => sum + Object.keys(options[name] ?? {}).length, 0);
  const named = shown.map(({ name }) => methodTitle(name)).join(', ');
  return (
    <div className="sweep-options">
      <Disclosure summary={`For ${named}${changed === 0 ? '' : `, ${changed} changed`}`}>
        {shown.map((page) => (
          <section key={page.name} className="stack" aria-label={optionsSummary(methodTitle(page.name), undefined)}>
            <h4>
              {methodTitle(page.name)} <AboutMethod method={page.name} />
            </h4>
            <MethodOptions page={page} />
          </section>
        ))}
      </Disclosure>
    </div>
  );
};

const settings = settingsOf(describedSweepSettings);

interface SweepFieldsProps {
  /** Part of the form; absent: the settings that name no part. */
  readonly part?: string;
  readonly stacked?: boolean;
  readonly hidden?: readonly (keyof DescribedSweepSettings)[];
}

/** Fields of the described settings in one part of the form. */
export const SweepFields = ({ part, stacked = false, hidden = [] }: SweepFieldsProps) => {
  const chosen: Readonly<Record<string, unknown>> = { ...useStore(sweepStore) };
  const isShown = (setting: Setting): boolean => setting.part === part && !hidden.some((name) => name === setting.name);
  return settings
    .filter(isShown)
    .map((setting) => (
      <SettingField
        key={setting.name}
        setting={setting}
        value={chosen[setting.name]}
        stacked={stacked}
        onChange={(value) => sweepStore.getState().choose(setting.name, value)}
      />
    ));
};

const terms: Readonly<Record<RefitName, { readonly label: string; readonly of: DefinitionName }>> = {
  experts: { label: 'experts', of: 'refitExperts' },
  router: { label: 'router', of: 'refitRouter' },
  'router+experts': { label: 'router, then experts', of: 'refitRouterAndExperts' },
};

/** Chooses the refits of the recovery; each adds a curve. */
export const SweepRefits = () => {
  const { refits, toggleRefit } = useStore(sweepStore);
  return (
    <div className="choice-row" role="group" aria-label="What the recovery refits">
      {refitName.options.map((refit) => (
        <Checkbox key={refit} checked={refits.includes(refit)} onChange={() => toggleRefit(refit)}>
          <Definition of={terms[refit].of}>{terms[refit].label}</Definition>
        </Checkbox>
      ))}
    </div>
  );
};
