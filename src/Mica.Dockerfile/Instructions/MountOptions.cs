using System.Globalization;

namespace Mica.Dockerfile;

/// <summary>The options of one mount while they are read, and the rules of which type takes what.</summary>
internal sealed class MountOptions
{
    private static readonly string[] s_keys = ["type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite",
        "rw", "id", "sharing", "required", "size", "mode", "uid", "gid", "env"];

    private static readonly string[] s_types = ["bind", "cache", "tmpfs", "secret", "ssh"];

    private readonly HashSet<string> _given = new(StringComparer.Ordinal);
    private string _type = "bind";
    private string? _target;
    private string? _source;
    private string? _from;
    private string? _id;
    private string? _environment;
    private CacheSharing _sharing;
    private bool? _readOnly;
    private bool _required;
    private long? _size;
    private int? _mode;
    private int? _userId;
    private int? _groupId;

    private FileOwnership Ownership => new(_mode, _userId, _groupId);

    public void Set(string key, string? value, string field)
    {
        if (value is null && key is not ("readonly" or "ro" or "readwrite" or "rw" or "required"))
        {
            throw MountFlag.Invalid($"invalid field '{field}' must be a key=value pair");
        }

        switch (key)
        {
            case "type":
                _type = s_types.Contains(value) ? value! : throw MountFlag.Invalid($"unsupported mount type \"{value}\"{Suggestion.For(value!, s_types)}");
                break;
            case "from": _from = value; break;
            case "source" or "src": _source = value; break;
            case "target" or "dst" or "destination": _target = value; break;
            case "readonly" or "ro": _readOnly = Flag(key, value); break;
            case "readwrite" or "rw": _readOnly = !Flag(key, value); break;
            case "required": _required = Flag(key, value); break;
            case "id": _id = value; break;
            case "env": _environment = value; break;
            case "size":
                _size = ByteSize.TryParse(value!, out long size) ? size : throw MountFlag.Invalid($"invalid value for {key}: {value}");
                break;
            case "sharing": _sharing = Sharing(value!); break;
            case "mode": _mode = Number(key, value!, octal: true); break;
            case "uid": _userId = Number(key, value!, octal: false); break;
            case "gid": _groupId = Number(key, value!, octal: false); break;
            default:
                throw MountFlag.Invalid($"unexpected key '{key}' in '{field}'{Suggestion.For(key, s_keys)}");
        }

        _given.Add(key switch { "src" => "source", "dst" or "destination" => "target", "ro" or "rw" or "readwrite" => "readonly", _ => key });
    }

    /// <summary>
    /// What contradicts the type is refused. id, required and readonly mean nothing to some types, but BuildKit takes them
    /// everywhere, and so do files that work today.
    /// </summary>
    public RunMount ToMount()
    {
        switch (_type)
        {
            case "bind":
                Refuse("sharing", "size", "mode", "uid", "gid", "env");
                return new BindMount(Target(), _source, _from, _readOnly ?? true);
            case "cache":
                Refuse("size", "env");
                return new CacheMount(Target(), _id, _sharing, _from, _source, _readOnly ?? false, Ownership);
            case "tmpfs":
                Refuse("from", "source", "sharing", "mode", "uid", "gid", "env");
                return new TmpfsMount(Target(), _size);
            case "secret":
                Refuse("from", "sharing", "size");
                return Secret();
            default:
                Refuse("from", "source", "sharing", "size", "env");
                return new SshMount(_id is { Length: > 0 } ? _id : "default", _target, _required, Ownership);
        }
    }

    private SecretMount Secret()
    {
        if (_source is not null && _id is not null)
        {
            throw MountFlag.Invalid("both source and id can't be set");
        }

        // Like BuildKit: the id may be told by the source, and the source by the file's name.
        string? id = _id ?? _source ?? (_target is null ? null : _target[(_target.LastIndexOf('/') + 1)..]);
        if (string.IsNullOrEmpty(id))
        {
            throw MountFlag.Invalid("invalid secret mount. one of source, target required");
        }

        string? target = _target ?? (_environment is null ? "/run/secrets/" + id[(id.LastIndexOf('/') + 1)..] : null);
        return new SecretMount(id, target, _environment, _required, Ownership);
    }

    private string Target() => _target is { Length: > 0 } ? _target : throw MountFlag.Invalid($"{_type} mount needs a target");

    private void Refuse(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (_given.Contains(key))
            {
                throw MountFlag.Invalid($"{key} not allowed for \"{_type}\" type mounts");
            }
        }
    }

    private static bool Flag(string key, string? value) => value is null
        || (FlagValues.ParseBool(value) ?? throw MountFlag.Invalid($"invalid value for {key}: {value}"));

    private static CacheSharing Sharing(string value) => value.ToLowerInvariant() switch
    {
        "shared" => CacheSharing.Shared,
        "private" => CacheSharing.Private,
        "locked" => CacheSharing.Locked,
        _ => throw MountFlag.Invalid($"unsupported sharing value \"{value}\"{Suggestion.For(value, ["shared", "private", "locked"])}"),
    };

    private static int Number(string key, string value, bool octal)
    {
        int result = 0;
        bool valid = octal
            ? value.Length is > 0 and <= 7 && value.All(c => c is >= '0' and <= '7') && (result = Convert.ToInt32(value, 8)) <= 0xFFF
            : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out result);
        return valid ? result : throw MountFlag.Invalid($"invalid value {value} for {key}");
    }
}
