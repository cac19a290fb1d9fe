"""Results as Plotly figures. The only place that builds figures; it imports no Streamlit."""
