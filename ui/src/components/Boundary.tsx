import { Component, type ReactNode } from 'react';

interface Props {
  /** Draws the failure; `again` tries once more. */
  fallback: (error: Error, again: () => void) => ReactNode;
  children: ReactNode;
}

/** Keeps the failure of one part from taking the page with it. */
export class Boundary extends Component<Props, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    return error ? this.props.fallback(error, () => this.setState({ error: null })) : this.props.children;
  }
}
