"""The model card of a head on the Hugging Face Hub: what the Hub's pages and searches read, and then our own words."""

from dance_demo.model_readme import model_readme
from dance_demo.model_store import ModelCard

TAGS = ("dance-demo", "image-classification", "grad-cam")


def hub_card(card: ModelCard, repo: str) -> str:
    """README.md for the repository `repo`: front matter with the evaluation (model-index), then Markdown."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        model_name=repo.rpartition("/")[2],
        pipeline_tag="image-classification",
        library_name="dance-demo",
        tags=list(TAGS),
        eval_results=_results(card) or None,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{model_readme(card, repo=repo)}"


def _results(card: ModelCard) -> list:
    """Accuracy and macro F1 on the held-out photos; the interval and n stand in the name of the metric."""
    from huggingface_hub import EvalResult

    e = card.evaluation
    if not e:
        return []
    low, high = e["accuracy_interval"]
    about = {
        "task_type": "image-classification",
        "task_name": "Image Classification",
        "dataset_type": "private",
        "dataset_name": f"Held-out photos of {len(card.class_names)} classes, not published",
        "dataset_args": {"n": e["n"], "majority_baseline": e["majority_baseline"]},
    }
    named = f"Accuracy (n = {e['n']}, 95 % interval {low:.1%} to {high:.1%})"
    results = [EvalResult(**about, metric_type="accuracy", metric_value=e["accuracy"], metric_name=named)]
    f1 = e.get("macro_f1")
    if isinstance(f1, int | float):
        results.append(EvalResult(**about, metric_type="f1", metric_value=f1, metric_name=f"Macro F1 (n = {e['n']})"))
    return results
