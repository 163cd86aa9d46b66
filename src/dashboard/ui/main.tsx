import { render } from 'preact';
import './styles.css';
render(<main>hi</main>, document.getElementById('app') as HTMLElement);
