"""What a network is made of, for people: its parts in the order in which reviews pass them."""

from tasks.config.training import (
    ConvBilstmConfig,
    NetworkConfig,
    NgramBagConfig,
    OwnNetworkConfig,
    TrainingConfig,
)

Part = tuple[str, str]
"""A part's name, and its sizes."""


def network_parts(config: TrainingConfig, classes: int) -> list[Part]:
    """Return the parts of the config's network, from a review's tokens to its probabilities."""
    network, text = config.network, config.text
    inner = _inner(network)
    vocabulary = f"of {text.num_words:,} ids"
    last = ("softmax", f"{classes} probabilities") if classes > 2 else ("sigmoid", "1 probability")  # noqa: PLR2004 - two share one
    return [("tokens", f"{text.maxlen} {vocabulary}"), *inner, last]


def network_title(network: NetworkConfig) -> str:
    """Return what the network is called in titles."""
    if isinstance(network, ConvBilstmConfig):
        return "Conv1D + bidirectional LSTM"
    if isinstance(network, NgramBagConfig):
        return "Naive-Bayes-weighted n-gram"
    file, function = network.place
    return f"{file.name}:{function}"


def _inner(network: NetworkConfig) -> list[Part]:
    if isinstance(network, OwnNetworkConfig):
        return [(network_title(network), network.network_option or "no option")]
    return _of_convolution(network) if isinstance(network, ConvBilstmConfig) else _of_bag(network)


def _of_convolution(network: ConvBilstmConfig) -> list[Part]:
    dropout = ("dropout", f"{network.dropout:g}")
    return [
        ("embedding", f"{network.embedding_dim} wide"),
        dropout,
        ("convolution", f"{network.filters} filters, {network.kernel_size} tokens"),
        ("max pooling", f"{network.pool_size} steps"),
        ("bidirectional LSTM", f"2 times {network.lstm_units} units"),
        dropout,
        ("bidirectional LSTM", f"2 times {network.last_lstm_units} units"),
    ]


def _of_bag(network: NgramBagConfig) -> list[Part]:
    tail = f", and of the last {network.ngram_tail} tokens" if network.ngram_tail else ""
    return [
        ("n-grams", f"of up to {network.ngram_words} words"),
        ("table", f"{network.ngram_buckets:,} buckets"),
        ("weighted ratio", f"naive Bayes ratio, learned weight{tail}"),
        ("sum", "of the n-grams that occur"),
    ]
