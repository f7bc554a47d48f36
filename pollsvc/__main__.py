"""`pollsvc` and `python -m pollsvc`."""

from pollsvc.cli import main

if __name__ == "__main__":
    main()
