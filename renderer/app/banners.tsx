import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { useStore } from 'zustand';
import { Button, Icon, IconButton } from '../components/button.tsx';
import { useTopDialog } from '../components/dialog.tsx';
import { WaitLines } from '../components/reading.tsx';
import { openPopover, placeBelow } from '../components/tooltip.tsx';
import { useEngineStatus } from '../engine/engine-context.tsx';
import { selectedModel, useFacts } from '../engine/facts.ts';
import { provenanceHeading } from '../../main/words/provenance.ts';
import { checkNotes } from '../../main/words/verdicts.ts';
import { counted, formatCount } from '../../main/words/numbers.ts';
import { type Notice, noticesStore, type Wait, waitsStore } from '../state/notices-store.ts';
import { nameInRun } from '../sweep/brought.ts';
import { shownSweep, useSweep } from '../sweep/shown-sweep.ts';

/** Shown while the connection to the engine is lost and being restored. */
export const ConnectionBanner = () => {
  const status = useEngineStatus();
  if (status.state === 'connected') return null;
  return (
    <div className="connection-banner" role="alert">
      <Icon name="warning" />
      <strong>Engine lost, reconnecting.</strong>
      <span>
        {status.message} {status.remedy}
      </span>
    </div>
  );
};

/** Explains the sample sweep while it is on screen; once closed, it stays closed for the session. */
export const SampleBanner = () => {
  const facts = useFacts();
  const [closed, setClosed] = useState(false);
  const sweep = shownSweep(facts);
  // Not over a model that the sample did not measure.
  if (closed || sweep?.sample !== true || nameInRun(sweep, selectedModel(facts)) === null) return null;
  const [models, tasks] = [formatCount(sweep.models.length), formatCount(sweep.tasks.length)];
  return (
    <div className="sample-banner" role="note">
      <span>
        <strong>This is the sample:</strong> a finished sweep of {models} bundled models on {tasks} tasks. uncurl-* and
        switch-* are small models, trained on these tasks to show the method: no evidence about large ones.
      </span>
      <IconButton icon="close" label="Close the note on the sample" onClick={() => setClosed(true)} />
    </div>
  );
};

/**
 * Says that the sweep was not measured here, and lists the numbers that are shown differently from its files, because
 * those files were edited.
 */
export const EditedBanner = () => {
  const { document } = useSweep();
  const notes = document === undefined ? [] : checkNotes(document);
  const heading = provenanceHeading(document?.provenance);
  if (notes.length === 0 && heading === null) return null;
  return (
    <div className="connection-banner edited-banner" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{heading ?? 'The files of this sweep were edited, or written by another version.'}</strong>
        {notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
      </div>
    </div>
  );
};

/** Time after which a message leaves by itself: long enough to read two sentences. */
const STAYS_MS = { error: 20_000, done: 8_000 } as const;

/**
 * Messages, waits at buttons, and in a dialog those of the views that it covers, above open dialogs: within the
 * topmost dialog, since nothing outside of it can be clicked. The box of the page stays in its place while it is empty,
 * so that the keyboard goes on from there once a dialog is closed.
 */
export const Notices = () => {
  const dialog = useTopDialog();
  const { waits } = useStore(waitsStore);
  const { notices } = useStore(noticesStore);
  // What is offered waits for the page: it would lie over what the dialog is about.
  const inDialog = notices.filter(({ offer }) => offer === undefined);
  const places = new Set(waits.flatMap(({ place }) => (place !== null && isInReach(place, dialog) ? [place] : [])));
  const placed = waits.filter(({ place }) => place !== null && places.has(place));
  // An answer that a view reads too is shown once, at the button.
  const others = waits.filter((wait) => !placed.some((entry) => entry === wait || entry.label === wait.label));
  return (
    <>
      <MessageBox isShown={dialog === null} notices={notices} waits={[]} />
      {dialog !== null && createPortal(<MessageBox isShown notices={inDialog} waits={others} />, dialog)}
      {[...places].map((place, index) => (
        <PlacedWaits key={index} place={place} waits={placed.filter((wait) => wait.place === place)} />
      ))}
    </>
  );
};

/** The element of the page that a wait at a button is put into: a table cannot contain it, and rows hide their tools. */
const hostOf = (place: Element): Element | null =>
  place.closest('.row') ?? (place.closest('table') ?? place).parentElement;

/** Whether a wait can be shown at its button: not where that was removed or hidden, or lies under a dialog. */
const isInReach = (place: Element, dialog: HTMLElement | null): boolean =>
  place.isConnected && hostOf(place)?.checkVisibility() === true && dialog?.contains(place) !== false;

/**
 * Waits at the button that waits: in the top layer, but in the page beside the button, so that Tab reaches Cancel from
 * there.
 */
const PlacedWaits = ({ place, waits }: { readonly place: Element; readonly waits: readonly Wait[] }) => {
  const box = useRef<HTMLDivElement>(null);
  const host = hostOf(place);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || host === null) return undefined;
    openPopover(element);
    const move = (): void => {
      const from = place.checkVisibility() ? place : host;
      const { left, top } = placeBelow(from.getBoundingClientRect(), element.getBoundingClientRect());
      element.style.left = `${String(left)}px`;
      element.style.top = `${String(top)}px`;
    };
    move();
    window.addEventListener('scroll', move, true);
    window.addEventListener('resize', move);
    return () => {
      window.removeEventListener('scroll', move, true);
      window.removeEventListener('resize', move);
    };
  }, [place, host, waits]);
  useLayoutEffect(() => {
    const element = box.current;
    return () => {
      const { activeElement } = document;
      // The focus was on Cancel, or left the button while that was disabled.
      const isLost = activeElement === document.body || element?.contains(activeElement) === true;
      if (isLost && place instanceof HTMLElement) setTimeout(() => place.focus({ preventScroll: true }));
    };
  }, [place]);
  return host === null
    ? null
    : createPortal(
        <div ref={box} popover="manual" className="placed-waits" role="status">
          <WaitLines waits={waits} className="notice notice-wait" />
        </div>,
        host,
      );
};

/** Messages that are shown at once; earlier ones are counted, and wait. */
const STACKED = 2;

interface MessageBoxProps {
  readonly isShown: boolean;
  readonly notices: readonly Notice[];
  readonly waits: readonly Wait[];
}

/** A popover, shown anew whenever a message is added, so that it comes to the top. */
export const MessageBox = ({ isShown, notices, waits }: MessageBoxProps) => {
  const box = useRef<HTMLDivElement>(null);
  const [isWhole, showWhole] = useState(false);
  if (isWhole && notices.length <= STACKED) showWhole(false);
  const earlier = isWhole ? 0 : Math.max(0, notices.length - STACKED);
  const latest = isShown ? `${notices.at(-1)?.id ?? ''} ${waits.at(-1)?.id ?? ''}`.trim() : '';
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (element.matches(':popover-open')) element.hidePopover();
    if (latest !== '') openPopover(element);
  }, [latest]);
  return (
    <div ref={box} popover="manual" className="notices" role="log" aria-live="assertive" aria-label="Messages">
      {isShown && <WaitLines waits={waits} className="notice notice-wait" />}
      {isShown && earlier > 0 && (
        <Button small className="notices-earlier" onClick={() => showWhole(true)}>
          {counted(earlier, 'earlier message')}
        </Button>
      )}
      {isShown &&
        notices.map((notice, index) => <NoticeCard key={notice.id} notice={notice} isHidden={index < earlier} />)}
    </div>
  );
};

const NoticeCard = ({ notice, isHidden }: { readonly notice: Notice; readonly isHidden: boolean }) => {
  const { dismiss } = useStore(noticesStore);
  const [isRead, setRead] = useState(false);
  const stays = notice.offer !== undefined || isRead || isHidden ? null : STAYS_MS[notice.kind];
  useEffect(() => {
    if (stays === null) return undefined;
    const timer = setTimeout(() => dismiss(notice.id), stays);
    return () => clearTimeout(timer);
  }, [stays, notice.id, dismiss]);
  return (
    <div
      className={`notice notice-${notice.kind}`}
      hidden={isHidden}
      onPointerEnter={() => setRead(true)}
      onPointerLeave={() => setRead(false)}
      onFocus={() => setRead(true)}
      onBlur={() => setRead(false)}
    >
      <Icon name={notice.kind === 'error' ? 'warning' : 'check'} size={16} />
      <div>
        <p>{notice.message}</p>
        {notice.remedy !== '' && <p className="notice-remedy">{notice.remedy}</p>}
        {notice.offer !== undefined && (
          <Button small className="notice-offer" onClick={notice.offer.perform}>
            {notice.offer.label}
          </Button>
        )}
      </div>
      <IconButton icon="close" label="Dismiss" onClick={() => dismiss(notice.id)} />
    </div>
  );
};
