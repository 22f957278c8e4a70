import { type FormEvent, type ReactNode, useState } from 'react';
import { attempt } from '../store/ui';
import { Button, Command } from './parts';

interface Props {
  label: string;
  placeholder: string;
  /** What is proposed. */
  initial?: string;
  /** The button's, beside its text. */
  icon: ReactNode;
  /** What stands before the line, and below it. */
  before?: ReactNode;
  below?: ReactNode;
  button: string;
  /** Other buttons for the same text. */
  beside?: (text: string, valid: boolean) => ReactNode;
  valid: (text: string) => boolean;
  add: (text: string) => Promise<unknown>;
  /** Told when it has been added. */
  good?: string;
  /** The command that does the same; the text is empty before something is typed. */
  command: (text: string) => string;
}

/** One line of text that adds something, and the command that does the same. What was refused stays for another try. */
export function AddForm(props: Props) {
  const { label, placeholder, initial = '', icon, button, beside, valid, add, good, command, before, below } = props;
  const [text, setText] = useState(initial);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await attempt(() => add(text), good)) setText('');
  };
  return (
    <>
      <form className="row" onSubmit={submit}>
        {before}
        <input
          className="input grow mono"
          aria-label={label}
          placeholder={placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {beside?.(text, valid(text))}
        <Button type="submit" look="primary" disabled={!valid(text)}>
          {icon}
          {button}
        </Button>
      </form>
      {below}
      <Command text={command(text)} />
    </>
  );
}
