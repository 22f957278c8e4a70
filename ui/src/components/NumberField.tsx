import { useId, useState } from 'react';

interface Props {
  label: string;
  /** NaN for what is no number. */
  value: number;
  set: (value: number) => void;
  least: number;
  most: number;
  /** From one that will do to the next. */
  step?: number;
  /** What is wrong with it, in words. */
  wrong: string;
  disabled?: boolean;
}

/** A field for a number, which may hold anything while somebody types. */
export function NumberField({ label, value, set, least, most, step = 1, wrong, disabled }: Props) {
  const id = useId();
  const [text, setText] = useState(String(value));
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        type="number"
        min={least}
        max={most}
        step={step}
        value={text}
        disabled={disabled}
        aria-invalid={wrong !== ''}
        aria-describedby={`${id}-wrong`}
        onChange={(event) => {
          setText(event.target.value);
          set(event.target.value === '' ? Number.NaN : Number(event.target.value));
        }}
      />
      <span id={`${id}-wrong`} className="bad">
        {wrong}
      </span>
    </div>
  );
}
