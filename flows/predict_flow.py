"""Predict texts: `python flows/predict_flow.py "A lovely film"`; `--help` shows all options."""

from flows.cli.predict import main

if __name__ == "__main__":
    main()
else:  # Prefect loads the flow from this file
    from flows.pipelines.predict import predict_flow

    __all__ = ["predict_flow"]
