/** Parts that can take the focus of what was in them. */
const PARTS = 'section, form, aside, main, footer, dialog';

const isDisabled = (element: Element): boolean => element.matches(':disabled');

const isLost = (): boolean => document.activeElement === null || document.activeElement === document.body;

/**
 * Keeps a place for the keyboard: a browser leaves the focus to the page when the control that has it is disabled or
 * goes away ("Try again", "Cancel", the row of a deleted run). A control that works again has it back; else the
 * nearest part around it takes it. Returns the end of it.
 */
export const keepFocus = (): (() => void) => {
  let held: HTMLElement | null = null;
  let around: readonly HTMLElement[] = [];
  let isByKeys = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    if (held === null || !isLost()) return;
    if (held.isConnected && isDisabled(held)) return;
    if (held.isConnected && held.checkVisibility()) held.focus({ preventScroll: true });
    else {
      const part = around.find((element) => element.isConnected && element.checkVisibility());
      const taking = part ?? document.querySelector('main');
      // Its first control is then the next of the Tab key.
      taking?.setAttribute('tabindex', '-1');
      taking?.focus({ preventScroll: true });
    }
  };
  const changes = new MutationObserver(() => {
    if (held === null || !isLost()) return;
    clearTimeout(timer);
    // Code that knows a better place comes first.
    timer = setTimeout(look, 60);
  });
  const hold = (target: EventTarget | null): void => {
    held = target instanceof HTMLElement && target !== document.body ? target : null;
    around = [];
    for (let at = held?.parentElement ?? null; at !== null; at = at.parentElement)
      if (at.matches(PARTS)) around = [...around, at];
  };
  const onKey = (): void => {
    isByKeys = true;
    if (held === null) hold(document.activeElement);
  };
  const onPointer = (): void => {
    [isByKeys, held] = [false, null];
  };
  const onFocus = ({ target }: FocusEvent): void => {
    hold(isByKeys ? target : null);
  };
  /** What leaves a control that stays as it is was meant; one that goes away is still there when it says so. */
  const onBlur = ({ relatedTarget }: FocusEvent): void => {
    const left = held;
    if (relatedTarget !== null || left === null || isDisabled(left)) return;
    setTimeout(() => {
      if (held === left && isLost() && left.checkVisibility()) held = null;
    });
  };
  document.addEventListener('keydown', onKey, true);
  document.addEventListener('pointerdown', onPointer, true);
  document.addEventListener('focusin', onFocus);
  document.addEventListener('focusout', onBlur);
  changes.observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled', 'hidden'] });
  return () => {
    clearTimeout(timer);
    changes.disconnect();
    document.removeEventListener('keydown', onKey, true);
    document.removeEventListener('pointerdown', onPointer, true);
    document.removeEventListener('focusin', onFocus);
    document.removeEventListener('focusout', onBlur);
  };
};
