"""Download model folders from the Hugging Face hub, through the `huggingface_hub` library.

A repository id and a revision -> the folder of the library's cache with the needed files, all of one commit. The
library owns the cache and the connection, and reads `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_ENDPOINT`,
`HF_TOKEN` and its other variables itself. The library is imported at the first request for a repository.
"""

from oxbert.hub._download import NEEDS, WEIGHTS, download, is_repo_id
from oxbert.hub._options import HubOptions

__all__ = ["NEEDS", "WEIGHTS", "HubOptions", "download", "is_repo_id"]
