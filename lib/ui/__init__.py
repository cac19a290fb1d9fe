"""The only place in lib that imports Streamlit: state, controls, live charts, page frame."""
