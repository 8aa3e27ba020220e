"""The web page. The only place that imports Gradio: one file a tab, plus the page that puts them together."""
