/** The training of a model, until it is done. */
export const TRAINING_FOLDER = 'training';
/** The arm in training of an experiment: its weights are deleted once it is measured. */
export const ARMS_FOLDER = 'arms';
/** A reproduction's own results. */
export const STEPS_FOLDER = 'steps';
export const OVERLAYS_FOLDER = 'overlays';

/** Folders in a run's folder from which its job goes on when it is resumed. */
export const STATE_FOLDERS = [TRAINING_FOLDER, ARMS_FOLDER, STEPS_FOLDER, OVERLAYS_FOLDER] as const;
